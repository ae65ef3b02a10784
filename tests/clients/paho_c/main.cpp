// Eclipse Paho C against the service. Arguments, output and checks: tests/clients/README.md.
#include "tests/clients/paho_c/checks.hpp"

#include <chrono>
#include <iostream>
#include <string_view>
#include <thread>

int main(int count, char** texts) {
    std::map<std::string, std::string> values;
    for (int n = 2; n < count; ++n) {
        const std::string pair = texts[n];
        const auto middle = pair.find('=');
        if (middle != std::string::npos) values.emplace(pair.substr(0, middle), pair.substr(middle + 1));
    }
    const std::string_view mode = count > 1 ? texts[1] : "";
    try {
        const paho_c::settings given(std::move(values));
        if (mode == "checks") return paho_c::run_checks(given) == 0 ? 0 : 1;
        if (mode == "doomed") {
            paho_c::device_options options;
            options.will = paho_c::will_of(given);
            paho_c::device doomed(given, "doomed", std::move(options));
            if (doomed.connect().code != 0) return 1;
            paho_c::say("connected");
            std::this_thread::sleep_for(std::chrono::minutes(10)); // whoever started this kills it
        }
    } catch (const std::exception& problem) {
        std::cerr << problem.what() << "\n";
    }
    std::cerr << "checks or doomed, and KEY=VALUE...: see tests/clients/README.md\n";
    return 2;
}
