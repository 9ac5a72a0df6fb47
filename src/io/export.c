/* The table of formats that parameters can be exported to. */
#include "io/export.h"

const aed_export_format aed_export_formats[] = {
    {"safetensors", ".safetensors", aed_export_safetensors},
    {"csv", ".csv", aed_export_csv},
};
const int aed_export_format_count = sizeof aed_export_formats / sizeof *aed_export_formats;
