// mqtt-messaging: arguments, signals, exit codes. `--help` tells the commands.
#include "common/auth/link_token.hpp"
#include "common/auth/password.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/ops/run.hpp"
#include "messaging/config.hpp"
#include "messaging/ctl/commands.hpp"
#include "messaging/service.hpp"
#include "messaging/tools/offline_store.hpp"

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr const char* usage =
    R"(mqtt-messaging - persistent topics, subscriptions and acknowledgements over WebSocket

  mqtt-messaging --config FILE            run
  mqtt-messaging --config FILE --check    check the file, print the settings in force, exit
  mqtt-messaging token --secret FILE --role broker|mapper|application --tenants '*'|t1,t2 [--days N]
                                          print a link token (the secret is made when it is missing)
  mqtt-messaging ctl …                    topics, subscriptions, tail, publish, unsubscribe (ctl --help tells more)
  mqtt-messaging verify DIR               check a store that no process uses; see verify --help
  mqtt-messaging dump DIR [--topic T/N/NAME] [--json]
                                          print its log
  mqtt-messaging health [--port 8082]     exit 0 when the running program is ready
  mqtt-messaging --version
)";

int token_command(const ops::arguments& given) {
    auth::link_claims claims;
    if (!auth::parse_link_role(given.value("--role", ""), claims.role)) {
        std::cerr << "mqtt-messaging token: --role must be broker, mapper or application\n";
        return 2;
    }
    claims.tenants = auth::parse_tenant_list(given.value("--tenants", ""));
    if (claims.tenants.empty()) {
        std::cerr << "mqtt-messaging token: --tenants must be '*' or a list such as t0815,t0816\n";
        return 2;
    }
    const auto file = given.value("--secret", "");
    auto secret = auth::link_secret::load_or_create(file);
    if (file.empty() || !secret) {
        std::cerr << "mqtt-messaging token: --secret " << file << ": "
                  << (secret ? "give the file that messaging uses (link.secret_file)" : secret.error().message())
                  << "\n";
        return 2;
    }
    claims.issued_at_s = core::system_clock{}.wall_ms() / 1000;
    if (const auto days = given.value("--days", ""); !days.empty())
        claims.expires_at_s = claims.issued_at_s + std::atol(days.c_str()) * 86'400;
    const auto token = auth::mint_link_token(claims, *secret);
    if (!token) {
        std::cerr << "mqtt-messaging token: " << token.error().message() << "\n";
        return 2;
    }
    std::cout << *token << "\n";
    return 0;
}

} // namespace

int main(int count, char** texts) {
    if (count > 1 && std::string_view(texts[1]) == "ctl") return messaging::ctl::run({texts + 2, texts + count});
    const ops::arguments given(count, texts, {"--config", "--secret", "--role", "--tenants", "--days", "--port"});
    if (given.command() == "token") return token_command(given);
    if (count > 1 && (std::string_view(texts[1]) == "verify" || std::string_view(texts[1]) == "dump"))
        return messaging::tools::run_command({texts + 1, texts + count});
    if (given.command() == "health") return ops::ask_health(given.value("--port", "8082"));
    const auto stop = ops::answer_common("mqtt-messaging", usage, given);
    if (stop) return *stop;
    messaging::config settings;
    std::string complaints;
    if (!messaging::load(given.value("--config", ""), settings, complaints)) {
        std::cerr << complaints;
        return 2;
    }
    if (given.has("--check")) {
        std::cout << messaging::describe(settings);
        return 0;
    }
    core::log::start("mqtt-messaging", settings.log_level);
    return ops::run<messaging::service>(std::move(settings));
}
