// A Brownian particle in an optical trap: its parameters, their sweep, and the simulation of one run.
//
// Water pushes a bead about while a laser pulls it back to the center with the force -stiffness * x. The position follows
// the overdamped Langevin equation
//
//     friction * dx = -stiffness * x * dt + sqrt(2 * friction * thermal energy) * dW,
//
// which has a closed-form solution (an Ornstein-Uhlenbeck process). For a model of your own, replace PARAMETERS,
// `check_run` and `simulate`.
//
// Units are pN, µm, ms and K. With them, 6 π * viscosity (mPa s) * radius (µm) is the friction in pN ms/µm.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <format>
#include <map>
#include <numbers>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Raise it when the same parameters give another result: results of other versions are kept, but not used again.
constexpr std::string_view VERSION = "1";

// Of one sweep. A typing error such as a list of all seeds would fill the disk.
constexpr std::size_t MOST_RUNS = 10'000;

// The results have the state at this many times, at equal intervals.
constexpr long SAMPLES = 20;

// Boltzmann's constant in pN µm/K.
constexpr double BOLTZMANN = 1.380649e-5;

struct Parameter {
    std::string_view name, unit;
    double initial, lowest, highest;
    bool whole = false;
};

// Nested folders in S3 have this order. `span` is the time that a run covers.
constexpr std::array PARAMETERS{
    Parameter{"stiffness", "pN/µm", 10, 0.001, 10'000},
    Parameter{"temperature", "K", 300, 1, 1000},
    Parameter{"viscosity", "mPa s", 0.85, 0.001, 1e6},
    Parameter{"radius", "µm", 0.5, 0.001, 1000},
    Parameter{"start", "µm", 0.1, 0, 1000},
    Parameter{"span", "ms", 4, 1e-6, 1e6},
    Parameter{"steps", "", 1000, SAMPLES, 1e7, true},
    Parameter{"paths", "", 10'000, 2, 1e8, true},
    Parameter{"seed", "", 1, 0, 9007199254740991, true},
};

// What is wrong, and what to do.
struct BadInput : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

using Values = std::map<std::string_view, double>;

struct Result {
    // Of the position x over all paths, at each time.
    std::vector<double> time, mean, variance;
};

inline const Parameter& parameter(std::string_view name) {
    std::string names;
    for (const auto& each : PARAMETERS) {
        if (each.name == name) return each;
        names += std::format(" {}", each.name);
    }
    throw BadInput(std::format("there is no parameter '{}'. Use some of:{}.", name, names));
}

// Throws BadInput unless the text is a number in the range of the parameter.
inline double number(const Parameter& parameter, std::string_view text) {
    double value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
        throw BadInput(std::format("{}='{}' is not a number. Use one from {} to {}.", parameter.name, text,
                                   parameter.lowest, parameter.highest));
    }
    if (value < parameter.lowest || value > parameter.highest || (parameter.whole && value != std::floor(value))) {
        throw BadInput(std::format("{}={} is not valid. Use a {}number from {} to {}.", parameter.name, text,
                                   parameter.whole ? "whole " : "", parameter.lowest, parameter.highest));
    }
    return value;
}

inline std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts{""};
    for (const char each : text) {
        if (each == separator) parts.emplace_back();
        else parts.back() += each;
    }
    return parts;
}

inline double friction(const Values& run) {
    return 6 * std::numbers::pi * run.at("viscosity") * run.at("radius");
}

// How much of the way to the center one step goes, if nothing disturbs the particle.
inline double step_size(const Values& run) {
    return run.at("span") / run.at("steps") * run.at("stiffness") / friction(run);
}

// Throws BadInput if the time steps are too long, since the result would be wrong.
inline void check_run(const Values& run) {
    constexpr double longest = 0.1;
    if (const double step = step_size(run); step > longest) {
        throw BadInput(std::format("steps={} are too few for stiffness={}. Use steps={} or more, or a shorter span.",
                                   run.at("steps"), run.at("stiffness"),
                                   std::ceil(step / longest) * run.at("steps")));
    }
}

// Splits "name=value".
inline std::pair<const Parameter&, std::string> assignment(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
        throw BadInput(std::format("'{}' has no value. Use name=value, such as stiffness=10.", text));
    }
    return {parameter(text.substr(0, equals)), text.substr(equals + 1)};
}

// Returns the run that a name such as "stiffness=10/seed=2" describes. Parameters that it lacks have their default.
inline Values read_run(const std::string& name) {
    Values run;
    for (const auto& each : PARAMETERS) run[each.name] = each.initial;
    for (const auto& part : split(name, '/')) {
        const auto& [parameter, value] = assignment(part);
        run[parameter.name] = number(parameter, value);
    }
    check_run(run);
    return run;
}

// Returns a name that differs if any parameter does.
inline std::string run_name(const Values& run) {
    std::string name;
    for (const auto& each : PARAMETERS) {
        name += std::format("{}{}={}", name.empty() ? "" : "/", each.name, run.at(each.name));
    }
    return name;
}

// Returns the names of all runs of a sweep: "stiffness=5,10 seed=1,2" has four.
inline std::vector<std::string> list_runs(const std::string& sweep) {
    // A value that every run has, since an empty name describes none.
    std::vector<std::string> names{std::format("{}={}", PARAMETERS[0].name, PARAMETERS[0].initial)};
    std::set<std::string_view> given;
    std::istringstream words(sweep);
    for (std::string word; words >> word;) {
        const auto& [parameter, values] = assignment(word);
        if (!given.insert(parameter.name).second) {
            throw BadInput(std::format("{0} is given twice. Use {0}=1,2 for several values.", parameter.name));
        }
        std::vector<std::string> longer;
        for (const auto& name : names) {
            for (const auto& value : split(values, ',')) {
                longer.push_back(std::format("{}/{}={}", name, parameter.name, value));
            }
        }
        if (longer.size() > MOST_RUNS) {
            throw BadInput(std::format("the sweep has more than {} runs. Use fewer values.", MOST_RUNS));
        }
        names = longer;
    }
    std::vector<std::string> runs;
    std::set<std::string> listed;
    for (const auto& name : names) {
        if (const auto run = run_name(read_run(name)); listed.insert(run).second) runs.push_back(run);
    }
    return runs;
}

// Follows many particles by the Euler-Maruyama method. Its error is proportional to step_size.
inline Result simulate(const Values& run) {
    const auto steps = static_cast<long>(run.at("steps"));
    const auto paths = static_cast<long>(run.at("paths"));
    const double step = step_size(run);
    const double noise = std::sqrt(2 * BOLTZMANN * run.at("temperature") / run.at("stiffness") * step);
    std::mt19937_64 generator(static_cast<std::uint64_t>(run.at("seed")));
    std::normal_distribution<double> normal;
    // Welford's method: the difference of two large sums would lose digits.
    Result result{std::vector<double>(SAMPLES), std::vector<double>(SAMPLES), std::vector<double>(SAMPLES)};
    for (long path = 0; path < paths; ++path) {
        double x = run.at("start");
        for (long sample = 0, i = 0; sample < SAMPLES; ++sample) {
            for (; i < steps * (sample + 1) / SAMPLES; ++i) x += noise * normal(generator) - step * x;
            const double difference = x - result.mean[sample];
            result.mean[sample] += difference / static_cast<double>(path + 1);
            result.variance[sample] += difference * (x - result.mean[sample]);
        }
    }
    for (long sample = 0; sample < SAMPLES; ++sample) {
        // In this order, the last time is exactly the span.
        result.time[sample] = run.at("span") * (static_cast<double>(steps * (sample + 1) / SAMPLES) / run.at("steps"));
        result.variance[sample] /= static_cast<double>(paths - 1);
    }
    return result;
}

inline std::string json(const std::vector<double>& numbers) {
    std::string text;
    for (const double each : numbers) text += std::format("{}{}", text.empty() ? "" : ", ", each);
    return "[" + text + "]";
}

// `duration` is in seconds.
inline std::string json(const Values& run, const Result& result, double duration) {
    std::string parameters;
    for (const auto& each : PARAMETERS) {
        parameters += std::format("{}\"{}\": {}", parameters.empty() ? "" : ", ", each.name, run.at(each.name));
    }
    return std::format(
        "{{\"version\": \"{}\", \"parameters\": {{{}}}, "
        "\"result\": {{\"time\": {}, \"mean\": {}, \"variance\": {}}}, \"duration\": {}}}",
        VERSION, parameters, json(result.time), json(result.mean), json(result.variance), duration);
}
