#include "tests/platform/server/options.hpp"

#include <charconv>
#include <functional>
#include <map>

namespace platform_sim::server {

namespace {

template <class Number> bool read_number(std::string_view text, Number least, Number most, Number& into) {
    Number value{};
    const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
    if (done.ec != std::errc{} || done.ptr != text.data() + text.size() || !(value >= least && value <= most))
        return false;
    into = value;
    return true;
}

/// Gathers the options; every setter returns false for a value that does not fit.
class option_reader {
  public:
    explicit option_reader(options& into) : into_(into) {
        auto& faults = into_.platform.faults;
        auto& limits = into_.platform.limits;
        setters_["--address"] = [this](std::string_view v) { return !(into_.address = v).empty(); };
        setters_["--port"] = [this](std::string_view v) { return read_number<std::uint16_t>(v, 0, 65535, into_.port); };
        setters_["--user"] = [this](std::string_view v) { return has_users_ = into_.platform.accounts.add(v); };
        setters_["--bootstrap-password"] = [this](std::string_view v) { return !(bootstrap_ = v).empty(); };
        setters_["--roles"] = [this](std::string_view v) { return !roles_.emplace_back(v).empty(); };
        setters_["--delay-ms"] = [&faults](std::string_view v) {
            std::int64_t ms = 0;
            if (!read_number<std::int64_t>(v, 0, 600'000, ms)) return false;
            faults.delay = std::chrono::milliseconds(ms);
            return true;
        };
        setters_["--fail-share"] = [&faults](std::string_view v) {
            return read_number(v, 0.0, 1.0, faults.fail_share);
        };
        setters_["--hang-share"] = [&faults](std::string_view v) {
            return read_number(v, 0.0, 1.0, faults.hang_share);
        };
        setters_["--throttle"] = [&faults](std::string_view v) {
            return read_number<std::uint32_t>(v, 0, 1'000'000, faults.requests_per_s_max);
        };
        setters_["--measurements-kept"] = [&limits](std::string_view v) {
            return read_number<std::size_t>(v, 1, 100'000'000, limits.measurements_kept_max);
        };
        setters_["--records-kept"] = [&limits](std::string_view v) {
            return read_number<std::size_t>(v, 1, 100'000'000, limits.records_kept_max);
        };
        setters_["--seed"] = [this](std::string_view v) {
            return read_number<std::uint64_t>(v, 0, UINT64_MAX, into_.platform.seed);
        };
    }

    std::string read(const std::vector<std::string>& arguments) {
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            std::string name = arguments[i];
            if (read_flag(name)) continue;
            std::string value;
            if (const auto equals = name.find('='); equals != std::string::npos) {
                value = name.substr(equals + 1);
                name.resize(equals);
            } else if (i + 1 < arguments.size()) {
                value = arguments[++i];
            }
            if (name == "--notifications")
                return "--notifications: notifications can only be served by platform-sim itself; "
                       "publishing them into messaging is not available in this version";
            const auto setter = setters_.find(name);
            if (setter == setters_.end()) return "unknown option " + name;
            if (!setter->second(value)) return name + ": '" + value + "' is not a valid value";
        }
        return finish();
    }

  private:
    bool read_flag(const std::string& name) {
        if (name == "--verbose") return into_.verbose = true;
        if (name == "--help") return into_.help = true;
        if (name == "--fingerprints") return into_.platform.limits.fingerprints = true;
        return false;
    }
    std::string finish() {
        if (!has_users_)
            for (const auto user : {"t0815/admin:admin-secret", "t0815/device1:device1-secret"})
                (void)into_.platform.accounts.add(user);
        into_.platform.accounts.add_bootstrap(bootstrap_);
        for (const auto& roles : roles_)
            if (!into_.platform.accounts.set_roles(roles)) return "--roles: '" + roles + "' names no known user";
        return {};
    }

    options& into_;
    bool has_users_ = false;
    std::vector<std::string> roles_;
    std::string bootstrap_ = "bootstrap-secret";
    std::map<std::string, std::function<bool(std::string_view)>> setters_;
};

} // namespace

parsed_options parse_options(const std::vector<std::string>& arguments) {
    parsed_options parsed;
    parsed.problem = option_reader(parsed.value).read(arguments);
    return parsed;
}

std::string usage() {
    return R"(platform-sim: a strict stand-in for the Cumulocity REST and Notifications 2.0 APIs, for tests

  --address A              listen here (127.0.0.1)
  --port N                 (8111; 0: any free one)
  --user T/U:PASSWORD      a user of tenant T; repeatable. `admin` and `service_…` have every role, others a device's
                           (default: t0815/admin:admin-secret and t0815/device1:device1-secret)
  --roles T/U=ROLE,ROLE    exactly these roles for that user
  --bootstrap-password P   of management/devicebootstrap (bootstrap-secret)
  --delay-ms N             answer each request later
  --fail-share X           answer this share with 500
  --hang-share X           never answer this share
  --throttle N             more than N requests a second are answered 429 with Retry-After
  --seed N                 of the two shares (1)
  --measurements-kept N    the newest N of each tenant (100000); counts go on
  --records-kept N         the same for events, alarms and operations
  --fingerprints           count measurements that are there already
  --verbose                log every request

At run time: GET /sim/stats, GET|POST /sim/faults {"delayMs","failShare","hangShare","throttle","down","path"},
POST /sim/reset, POST /sim/users {"tenant","user","password","roles"}, DELETE /sim/users/T/U.
)";
}

} // namespace platform_sim::server
