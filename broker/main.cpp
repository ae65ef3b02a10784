// mqtt-broker: arguments, signals, exit codes. `--help` tells the commands.
#include "broker/clients_command.hpp"
#include "broker/config.hpp"
#include "broker/service.hpp"
#include "broker/trust_command.hpp"
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
  mqtt-broker trust add TENANT CERTIFICATE [--name NAME] [--auto-registration on|off]
                                       trust devices whose certificates lead to this authority (PEM or DER)
  mqtt-broker trust list [TENANT]      the trust anchors, where each stands, and until when it is valid
  mqtt-broker trust enable|disable TENANT NAME|FINGERPRINT|CERTIFICATE
                                       for anchors that were added by this command; each with --tenants FILE, or
                                       --config FILE, whose auth.file it is (default: tenants.yaml)
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

int trust_command(const ops::arguments& given) {
    core::log::start("mqtt-broker", core::log::level::off); // what it has to say goes to the terminal
    broker::trust_request request;
    request.tenants_file = given.value("--tenants", "tenants.yaml");
    if (const auto path = given.value("--config", ""); !path.empty() && !given.has("--tenants")) {
        broker::config settings;
        std::string complaints;
        if (!broker::load(path, settings, complaints)) {
            std::cerr << complaints;
            return 2;
        }
        if (settings.logins.provider == auth::provider_kind::platform) {
            std::cerr << "mqtt-broker trust: with `provider: platform` the platform's trusted certificates count; "
                         "manage them there\n";
            return 1;
        }
        request.tenants_file = settings.logins.file;
    }
    request.words.assign(given.words().begin() + 1, given.words().end());
    request.name = given.value("--name", "");
    request.auto_registration = given.value("--auto-registration", "");
    request.now_s = core::system_clock().wall_ms() / 1000;
    if (!given.mistake().empty()) {
        std::cerr << "mqtt-broker trust: " << given.mistake() << "\n";
        return 2;
    }
    return broker::run_trust_command(request, std::cout, std::cerr);
}

} // namespace

int main(int count, char** texts) {
    const ops::arguments given(
        count, texts, {"--config", "--port", "--tenant", "--client", "--tenants", "--name", "--auto-registration"});
    if (given.command() == "password") return password_command();
    if (given.command() == "trust" && !given.has("--help") && !given.has("-h")) return trust_command(given);
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
