#!/usr/bin/env bash
# The engine's tests in Python, with the core built under a sanitizer: address or thread.
# More arguments are options of pytest.  The core in use stays as it is; this one lies in build/.
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=$1
shift
python=$PWD/.venv/bin/python
folder=$PWD/build/sanitized-$kind
flags="-O1 -g -fno-omit-frame-pointer -Wno-maybe-uninitialized"

case $kind in
  address)
    flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all"
    libraries="libasan.so libubsan.so libstdc++.so"
    ;;
  thread)
    flags="$flags -fsanitize=thread"
    libraries="libtsan.so libstdc++.so"
    ;;
  *)
    echo "address or thread, not $kind" >&2
    exit 2
    ;;
esac

rm -rf "$folder"
DELTARULE_REQUIRE_ENGINE=1 DELTARULE_ENGINE_FLAGS=$flags "$python" setup.py --quiet build \
  --build-lib "$folder/package" --build-temp "$folder/objects"

# Python is no sanitized program: the sanitizer comes before it, with the library whose exceptions
# it watches.  Python keeps what it has until it ends, so leaks are not asked for.
preload=
for library in $libraries; do
  preload="$preload $(g++ -print-file-name="$library")"
done
export DELTARULE_REQUIRE_ENGINE=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH="$folder/package"
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:die_after_fork=0:allocator_may_return_null=1
# Left out is what a sanitizer makes impossible: to live in little memory, of which it needs much
# itself, and to be as quick as a clock asks, or as idle.
LD_PRELOAD=$preload "$python" -m pytest -p no:cacheprovider \
  -k "not fuzz and not memory_is_short and not threads_sleep and not a_signal_is_heard and not by_columns" \
  tests/engine tests/laws/test_engine_*.py "$@"
