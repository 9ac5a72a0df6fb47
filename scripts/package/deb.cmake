# Debian packages by CPack: `cpack --config build/release/CPackConfig.cmake`. aedist is the program;
# libaedist-dev the library, which nobody needs to train.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the aedist developers <aedist@localhost>")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
  "Trains autoencoders on any number of processes, from a YAML config, and gives the same bits on every
number of them. A sweep of thousands of trials is one job, which any kill leaves ready to go on.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "The library of aedist, for programs that train models of their own: static, with headers, a CMake
package, a pkg-config file and examples.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)

# dpkg-shlibdeps finds the libraries; the launcher, and which of the OpenBLAS builds, it cannot know.
set(launcher openmpi-bin)
set(mpi_package libopenmpi-dev)
if("${MPI_C_LIBRARIES}" MATCHES mpich)
  set(launcher mpich)
  set(mpi_package libmpich-dev)
endif()
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME aedist)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "${launcher}, libopenblas0-serial")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS
  "python3-h5py, python3-matplotlib, python3-jinja2")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "slurm-client")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libaedist-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
list(JOIN aedist_packages ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", ${mpi_package}, pkg-config")
include(CPack)
