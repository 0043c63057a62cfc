// nanobind's own code, in the same library.
#include <nb_combined.cpp>
