#include "messaging/ctl/options.hpp"

#include "common/core/base64.hpp"
#include "common/net/url.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace messaging::ctl {

namespace {

constexpr std::array<std::string_view, 15> with_value{
    "--url",   "--credentials", "--ca",    "--tenant", "--name",      "--sort",      "--page",        "--page-size",
    "--topic", "--id",          "--count", "--file",   "--client-id", "--namespace", "--content-type"};
constexpr std::array<std::string_view, 4> flags{"--json", "--unsafe", "--help", "-h"};

constexpr std::string_view how_to_log_in =
    "; set MQTT_MESSAGING_USER to <tenant>/<user> and MQTT_MESSAGING_PASSWORD, or give --credentials FILE, a file with "
    "the line <tenant>/<user>:<password> that only you can read";

std::string read_credentials(const std::string& file, std::string& into) {
    struct stat about{};
    if (::stat(file.c_str(), &about) != 0) return "--credentials " + file + ": " + std::strerror(errno);
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "--credentials " + file + " can be read by others; `chmod 600 " + file + "` mends that";
    std::ifstream in(file);
    std::getline(in, into);
    if (into.ends_with('\r')) into.pop_back();
    return into.empty() ? "--credentials " + file + " has an empty first line" : std::string{};
}

} // namespace

std::string parse(const std::vector<std::string>& arguments, options& into) {
    bool only_words = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& text = arguments[i];
        if (only_words || text == "-" || !text.starts_with('-')) {
            into.words.push_back(text);
            continue;
        }
        if (text == "--") {
            only_words = true;
            continue;
        }
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        if (std::find(flags.begin(), flags.end(), text) != flags.end()) {
            into.values[text] = "true";
        } else if (std::find(with_value.begin(), with_value.end(), name) == with_value.end()) {
            return "unknown option " + name;
        } else if (equals != text.npos) {
            into.values[name] = text.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            into.values[name] = arguments[++i];
        } else {
            return name + " needs a value";
        }
    }
    return {};
}

std::string find_login(const options& given, const environment& get, login& into) {
    into.url = given.value("--url", get("MQTT_MESSAGING_URL"));
    if (into.url.empty()) into.url = "http://127.0.0.1:8082";
    while (into.url.ends_with('/')) into.url.pop_back();
    const auto parsed = net::parse_url(into.url);
    if (!parsed || (parsed->scheme != "http" && parsed->scheme != "https") || parsed->target != "/")
        return "--url must be like http://127.0.0.1:8082 or https://host:port";
    into.ca_file = given.value("--ca");
    std::string credentials;
    if (given.has("--credentials")) {
        if (auto wrong = read_credentials(given.value("--credentials"), credentials); !wrong.empty()) return wrong;
    } else {
        const auto user = get("MQTT_MESSAGING_USER");
        const auto password = get("MQTT_MESSAGING_PASSWORD");
        if (user.empty() || password.empty()) return "no credentials" + std::string(how_to_log_in);
        credentials = user + ":" + password;
    }
    const auto slash = credentials.find('/');
    const auto colon = credentials.find(':');
    if (slash == credentials.npos || slash == 0 || colon == credentials.npos || slash > colon)
        return "the user must be <tenant>/<user>" + std::string(how_to_log_in);
    into.tenant = given.value("--tenant", credentials.substr(0, slash));
    into.authorization = "Basic " + core::base64_encode(credentials);
    return {};
}

} // namespace messaging::ctl
