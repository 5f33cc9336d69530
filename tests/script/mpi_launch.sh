# mpi_launch.sh: read by test_mpi.sh and kill_mpi.sh: how this build's MPI starts N processes. Sets `library` and defines
# `launch N COMMAND...`; without MPI, or without its launcher, it says so and ends the test.
# shellcheck shell=sh disable=SC2034,SC2154  # for those who read it; raml is theirs
library=$("$raml" doctor --no-peak | sed -n 's/^mpi  *//p')
launcher=
case $library in
"Open MPI"*) names="mpirun.openmpi mpirun" ;;
MPICH*) names="mpirun.mpich mpirun" ;;
*)
    echo "SKIPPED: training on several ranks is NOT tested: mpi is $library"
    exit 0
    ;;
esac
for name in $names; do
    [ "$launcher" ] || launcher=$(command -v "$name" || :)
done
if [ ! "$launcher" ]; then
    echo "SKIPPED: training on several ranks is NOT tested: mpi is $library, and it has none of: $names"
    exit 0
fi
# As root, on fewer processors than ranks, each rank on any of them.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0 OMP_WAIT_POLICY=passive
export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_mpi_yield_when_idle=1
# Containers forbid reading another process's memory, and Open MPI complains.
export OMPI_MCA_btl_vader_single_copy_mechanism=none
launch() { # launch N COMMAND...
    n_ranks=$1
    shift
    "$launcher" -n "$n_ranks" "$@"
}
