// simulate --list SWEEP   lists the runs of a sweep: the name of each is the place of its result
// simulate RUN            simulates one run, and prints the result as JSON
#include "trap.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>

int main(int count, char** arguments) {
    try {
        if (count == 3 && std::string_view(arguments[1]) == "--list") {
            for (const auto& run : list_runs(arguments[2])) std::cout << 'v' << VERSION << '/' << run << '\n';
        } else if (count == 2) {
            const std::string name = arguments[1];
            const auto start = std::chrono::steady_clock::now();
            const auto run = read_run(name.substr(name.find('/') + 1));
            const auto result = simulate(run);
            const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
            std::cout << json(run, result, duration.count()) << '\n';
        } else {
            throw BadInput("wrong arguments. Use: simulate --list SWEEP, or simulate RUN.");
        }
        std::cout.flush();
        if (!std::cout) throw std::runtime_error("the result cannot be written. Check the disk.");
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
