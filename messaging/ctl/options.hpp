// What the user of `mqtt-messaging ctl` asks for: words, options, and whom to log in as. Values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::ctl {

struct options {
    std::vector<std::string> words; ///< the command first
    std::map<std::string, std::string> values;

    std::string value(const std::string& name, std::string otherwise = {}) const {
        const auto found = values.find(name);
        return found == values.end() ? std::move(otherwise) : found->second;
    }
    bool has(const std::string& name) const { return values.contains(name); }
};

/// Empty, or one sentence about the first mistake. `--` ends the options, so that a payload may begin with a dash.
std::string parse(const std::vector<std::string>& arguments, options& into);

struct login {
    std::string url;    ///< http:// or https://, without a last slash
    std::string tenant; ///< whose topics: the user's, unless an operator names another
    std::string authorization;
    std::string ca_file;
};

using environment = std::function<std::string(const char* name)>;

/// From `--credentials FILE`, else from the environment. Empty, or what a newcomer can do about it. The password is in
/// no text of it.
std::string find_login(const options& given, const environment& get, login& into);

} // namespace messaging::ctl
