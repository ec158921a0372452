// The tests of trap.hpp. The build of the image runs them.
#include "trap.hpp"

#include <cstdlib>
#include <iostream>

void check(bool holds, std::string_view what) {
    if (holds) return;
    std::cerr << "error: the model fails its test: " << what << ". Correct src/trap.hpp or src/check.cpp.\n";
    std::exit(EXIT_FAILURE);
}

void refused(const std::string& sweep, std::string_view message) {
    try {
        list_runs(sweep);
    } catch (const BadInput& error) {
        return check(std::string(error.what()).starts_with(message), std::format("{}: {}", sweep, error.what()));
    }
    check(false, std::format("'{}' is accepted", sweep));
}

int main() {
    const auto runs = list_runs("stiffness=5,1e1\n  seed=1,2");
    check(runs.size() == 4, "two stiffnesses and two seeds are four runs");
    check(runs[2].starts_with("stiffness=10/temperature=300/") && runs[2].ends_with("/seed=1"), runs[2]);
    check(run_name(read_run(runs[2])) == runs[2], "a run's name describes the run");
    check(list_runs("seed=1,1.0").size() == 1, "a run is listed once");
    check(list_runs("").size() == 1, "a sweep without parameters is the default run");

    refused("stiffness=-1", "stiffness=-1 is not valid. Use a number from");
    refused("stiffness=0x10", "stiffness='0x10' is not a number.");
    refused("stiffness=", "stiffness='' is not a number.");
    refused("stiffness=nan", "stiffness='nan' is not a number.");
    refused("temperature=1e999", "temperature='1e999' is not a number.");
    refused("paths=2.5", "paths=2.5 is not valid. Use a whole number");
    refused("stifness=1", "there is no parameter 'stifness'. Use some of: stiffness temperature");
    refused("stiffness", "'stiffness' has no value.");
    refused("seed=1 seed=2", "seed is given twice.");
    refused("seed=1,2,3,4,5,6,7,8,9,10 paths=2,3,4,5,6,7,8,9,10,11 start=1,2,3,4,5,6,7,8,9,10 radius=1,2,3,4,5,6,7,8,9,10,11",
            "the sweep has more than 10000 runs.");
    refused("stiffness=1000", "steps=1000 are too few for stiffness=1000. Use steps=");

    // Stokes: a bead of 1 µm in water at 300 K has a friction of 8.0e-9 kg/s, and kT is 4.14e-21 J.
    const auto run = read_run("stiffness=10/steps=500/paths=4000/seed=3");
    check(std::abs(friction(run) - 8.01) < 0.01, "friction in pN ms/µm");
    check(std::abs(BOLTZMANN * run.at("temperature") - 4.14e-3) < 1e-5, "thermal energy in pN µm");

    // Long after the start, the particle has the energy kT/2 in the trap, whatever it started with (equipartition).
    const auto result = simulate(run);
    const double variance = BOLTZMANN * run.at("temperature") / run.at("stiffness");
    const double error = std::sqrt(2.0 / run.at("paths")), bias = step_size(run);
    check(std::abs(result.variance.back() / variance - 1) < 5 * error + bias, "equipartition");
    const double mean = run.at("start") * std::exp(-result.time.front() * run.at("stiffness") / friction(run));
    check(std::abs(result.mean.front() - mean) < 5 * std::sqrt(variance / run.at("paths")) + bias * run.at("start"),
          "the mean decays to the center");
    check(result.time.back() == run.at("span"), "the last sample is at the end");

    const auto again = simulate(run);
    check(json(run, again, 0) == json(run, result, 0), "a seed gives the same result again");
    check(simulate(read_run("stiffness=10/steps=500/paths=4000/seed=4")).mean != result.mean, "seeds differ");
}
