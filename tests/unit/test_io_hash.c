/* The weights' hash against SHA-256 sums computed by Python's hashlib. */
#include "test_io_fixture.h"

static void test_weights_hash_known_answer(void **state)
{
    (void)state;
    /* hashlib.sha256(struct.pack("<5f", 3, 4, 1, 2, -0.0)): "a" comes before "b". */
    float parameters[32] = {1.0F, 2.0F, -0.0F, 99.0F};
    parameters[16] = 3.0F;
    parameters[17] = 4.0F;
    aed_tensor tensors[2] = {{.name = "b", .shape = {.rank = 2, .size = {1, 3}}, .offset = 0},
                             {.name = "a", .shape = {.rank = 1, .size = {2}}, .offset = 16}};
    char hash[65];
    aed_weights_hash(tensors, 2, parameters, hash);
    assert_string_equal(hash, "78cdaf4fd53fbd40d4d6d1b4f8f16d1d7ceb58cdad5023f740d490087b5a5790");
}

static void test_weights_hash_no_tensors(void **state)
{
    (void)state;
    char hash[65];
    aed_weights_hash(NULL, 0, NULL, hash);
    assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_weights_hash_longer_than_a_chunk(void **state)
{
    (void)state;
    /* hashlib.sha256(struct.pack("<3000f", *range(3000))) */
    static float parameters[3000];
    for (int i = 0; i < 3000; i++) parameters[i] = (float)i;
    aed_tensor tensor = {.name = "w", .shape = {.rank = 1, .size = {3000}}};
    char hash[65];
    aed_weights_hash(&tensor, 1, parameters, hash);
    assert_string_equal(hash, "79f08fbaf2064bbef9c63477bc07d002d0ed3ce58a91bc01b6d972f1c4e394b7");
}

static void test_weights_hash_ignores_padding_and_order(void **state)
{
    (void)state;
    fixture_result made;
    fixture_result_make(3, &made);
    char hash[65];
    made.parameters[7] = 1234.0F; /* behind the six elements of the weight */
    aed_tensor swapped[2] = {made.tensors[1], made.tensors[0]};
    aed_weights_hash(swapped, 2, made.parameters, hash);
    assert_string_equal(hash, made.result.weights_hash);
    made.parameters[5] = nextafterf(made.parameters[5], 0.0F);
    aed_weights_hash(swapped, 2, made.parameters, hash);
    assert_string_not_equal(hash, made.result.weights_hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_hash_known_answer),
        cmocka_unit_test(test_weights_hash_no_tensors),
        cmocka_unit_test(test_weights_hash_longer_than_a_chunk),
        cmocka_unit_test(test_weights_hash_ignores_padding_and_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
