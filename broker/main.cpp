// mqtt-broker: arguments, signals, exit codes. `--help` tells the commands.
#include "broker/clients_command.hpp"
#include "broker/config.hpp"
#include "broker/service.hpp"
#include "common/auth/password.hpp"
#include "common/core/log.hpp"
#include "common/ops/run.hpp"

#include <iostream>
#include <string>

namespace {

constexpr const char* usage =
    R"(mqtt-broker - multi-tenant MQTT edge; every message goes through messaging

  mqtt-broker --config FILE            run
  mqtt-broker --config FILE --check    check the file, print the settings in force, exit
  mqtt-broker clients list --config FILE [--tenant T] [--client C]
                                       connected clients of the running program, one JSON object a line
  mqtt-broker clients disconnect TENANT CLIENT --config FILE
  mqtt-broker password                 read a password from standard input, print its hash for tenants.yaml
  mqtt-broker health [--port 8081]     exit 0 when the running program is ready
  mqtt-broker --version
)";

int password_command() {
    std::string password;
    if (!std::getline(std::cin, password) || password.empty()) {
        std::cerr << "mqtt-broker password: give the password on standard input\n";
        return 2;
    }
    const auto hash = auth::hash_password(password);
    if (!hash) {
        std::cerr << "mqtt-broker password: " << hash.error().message() << "\n";
        return 2;
    }
    std::cout << *hash << "\n";
    return 0;
}

} // namespace

int main(int count, char** texts) {
    const ops::arguments given(count, texts, {"--config", "--port", "--tenant", "--client"});
    if (given.command() == "password") return password_command();
    if (given.command() == "health") return ops::ask_health(given.value("--port", "8081"));
    const auto stop = ops::answer_common("mqtt-broker", usage, given);
    if (stop) return *stop;
    broker::config settings;
    std::string complaints;
    if (!broker::load(given.value("--config", ""), settings, complaints)) {
        std::cerr << complaints;
        return 2;
    }
    if (given.command() == "clients") {
        core::log::start("mqtt-broker", core::log::level::off);
        const broker::clients_request wanted{given.words(), given.value("--tenant", ""), given.value("--client", "")};
        return broker::run_clients_command(wanted, settings, std::cout, std::cerr);
    }
    if (given.has("--check")) {
        std::cout << broker::describe(settings);
        return 0;
    }
    core::log::start("mqtt-broker", settings.log_level);
    return ops::run<broker::service>(std::move(settings));
}
