// Reads calls, "threads begin end served" line by line, and prints how many threads the next may have.
#include <algorithm>
#include <cstdio>

#include "team.hpp"

int main() {
    deltarule::Team team;
    int threads;
    double begin, end, served;
    while (std::scanf("%d %lf %lf %lf", &threads, &begin, &end, &served) == 4) {
        team.note(threads, begin, end, served);
        std::printf("%d\n", std::min(team.size(), 64));
        std::fflush(stdout);
    }
}
