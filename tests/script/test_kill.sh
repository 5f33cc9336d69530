#!/bin/sh
# test_kill.sh BINARY SOURCE_DIR BUILD_DIR: trainings of every kind are killed at a few moments, resumed, and end in the same
# bytes. kill_train.sh does it for more; test_mpi.sh with several ranks.
set -eu
exec sh "$2/tests/script/kill_train.sh" "$1" 3
