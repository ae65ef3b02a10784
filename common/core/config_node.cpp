#include "common/core/config_node.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace core {

struct config_document::state {
    std::string file;
    options with;
    YAML::Node root;
    std::vector<complaint> complaints;

    void complain(const YAML::Mark& mark, std::string path, std::string message) {
        complaints.push_back({file, mark.line + 1, mark.column + 1, std::move(path), std::move(message)});
    }
};

struct config_node::place {
    config_document::state* document = nullptr;
    YAML::Node node{YAML::NodeType::Undefined};
    bool exists = false;
    std::string path;
    YAML::Mark mark; ///< of the node, or of the nearest existing parent when absent
    std::set<std::string, std::less<>> known;
    bool complained_of_kind = false;
};

namespace {

constexpr std::size_t document_bytes_max = 16 * 1024 * 1024;
constexpr int depth_max = 64;

using complain_function = std::function<void(const YAML::Mark&, const std::string&, std::string)>;

std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

void find_duplicates(const YAML::Node& node, const std::string& path, int depth, const complain_function& complain) {
    if (depth > depth_max) {
        complain(node.Mark(), path, "nested too deeply");
        return;
    }
    if (node.IsMap()) {
        std::map<std::string, YAML::Mark> seen;
        for (const auto& member : node) {
            if (!member.first.IsScalar()) {
                complain(member.first.Mark(), path, "a key must be a plain word");
                continue;
            }
            const auto key = member.first.Scalar();
            const auto [first, fresh] = seen.emplace(key, member.first.Mark());
            if (!fresh)
                complain(member.first.Mark(), join(path, key),
                         "the key stands here twice; the first is in line " + std::to_string(first->second.line + 1));
            find_duplicates(member.second, join(path, key), depth + 1, complain);
        }
    } else if (node.IsSequence()) {
        std::size_t index = 0;
        for (const auto& item : node)
            find_duplicates(item, path + "[" + std::to_string(index++) + "]", depth + 1, complain);
    }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::optional<std::uint64_t> scaled(std::string_view text,
                                    const std::vector<std::pair<std::string_view, std::uint64_t>>& units) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{}) return std::nullopt;
    const std::string_view unit(parsed.ptr, static_cast<std::size_t>(text.data() + text.size() - parsed.ptr));
    for (const auto& [name, factor] : units)
        if (name == unit) {
            if (number != 0 && factor > std::numeric_limits<std::uint64_t>::max() / number) return std::nullopt;
            return number * factor;
        }
    return std::nullopt;
}

/// Replaces `${NAME}` and `${NAME:-default}`; a name that is not set and has no default is reported in `missing`.
std::string substitute(const std::string& text, std::string& missing) {
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto start = text.find("${", at);
        const auto stop = start == std::string::npos ? start : text.find('}', start);
        if (stop == std::string::npos) break;
        out.append(text, at, start - at);
        std::string name = text.substr(start + 2, stop - start - 2);
        std::optional<std::string> fallback;
        if (const auto dash = name.find(":-"); dash != std::string::npos) {
            fallback = name.substr(dash + 2);
            name.resize(dash);
        }
        if (const char* value = std::getenv(name.c_str()))
            out.append(value);
        else if (fallback)
            out.append(*fallback);
        else
            missing = name;
        at = stop + 1;
    }
    out.append(text, at);
    return out;
}

} // namespace

std::string complaint::text() const {
    std::string out = file;
    if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(std::max(column, 1));
    out += ": error: ";
    if (!key_path.empty()) out += key_path + ": ";
    return out + message;
}

std::string_view nearest(std::string_view word, const std::vector<std::string>& known) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : known)
        if (const auto distance = edit_distance(word, candidate); distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    return best;
}

config_document::config_document(std::unique_ptr<state> s) : state_(std::move(s)) {}
config_document::config_document(config_document&&) noexcept = default;
config_document& config_document::operator=(config_document&&) noexcept = default;
config_document::~config_document() = default;

config_document config_document::parse(std::string_view text, std::string file, options with) {
    auto s = std::make_unique<state>();
    s->file = std::move(file);
    s->with = with;
    s->root = YAML::Node(YAML::NodeType::Map);
    if (text.size() > document_bytes_max) {
        s->complaints.push_back({s->file, 0, 0, "", "the file is larger than 16 MiB"});
        return config_document(std::move(s));
    }
    try {
        const auto documents = YAML::LoadAll(std::string(text));
        if (documents.size() > 1)
            s->complain(documents[1].Mark(), "",
                        "a second YAML document begins here; a file holds one (remove the `---`)");
        if (!documents.empty() && !documents[0].IsNull()) s->root = documents[0];
        if (!s->root.IsMap() && !s->root.IsSequence()) s->complain(s->root.Mark(), "", "expected `key: value` lines");
        find_duplicates(s->root, "", 0, [&](const YAML::Mark& mark, const std::string& path, std::string message) {
            s->complain(mark, path, std::move(message));
        });
    } catch (const YAML::Exception& e) {
        s->root = YAML::Node(YAML::NodeType::Map);
        s->complain(e.mark, "", "this is not valid YAML: " + e.msg);
    }
    return config_document(std::move(s));
}

config_document config_document::load(const std::string& path, options with) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    if (!in) {
        auto document = parse("", path, with);
        document.state_->complaints.push_back(
            {path, 0, 0, "", "cannot read the file; does it exist and may this user read it?"});
        return document;
    }
    return parse(content.str(), path, with);
}

config_node config_document::root() { return {*state_, state_->root, "", nullptr}; }
const std::vector<complaint>& config_document::complaints() const noexcept { return state_->complaints; }

std::string config_document::complaint_text() const {
    std::string out;
    for (const auto& one : complaints()) out += one.text() + "\n";
    return out;
}

config_node::config_node(config_document::state& document, const YAML::Node& node, std::string path,
                         config_node* parent_mark)
    : place_(std::make_shared<place>()) {
    place_->document = &document;
    place_->node.reset(node);
    place_->exists = node.IsDefined();
    place_->path = std::move(path);
    place_->mark = parent_mark != nullptr && !place_->exists ? parent_mark->place_->mark : node.Mark();
}
config_node::config_node(const config_node&) = default;
config_node& config_node::operator=(const config_node&) = default;
config_node::config_node(config_node&&) noexcept = default;
config_node& config_node::operator=(config_node&&) noexcept = default;
config_node::~config_node() = default;

bool config_node::exists() const noexcept { return place_->exists; }
bool config_node::is_map() const { return exists() && place_->node.IsMap(); }
bool config_node::is_sequence() const { return exists() && place_->node.IsSequence(); }
bool config_node::is_scalar() const { return exists() && place_->node.IsScalar(); }
bool config_node::is_null() const { return exists() && place_->node.IsNull(); }
bool config_node::is_quoted() const { return is_scalar() && place_->node.Tag() == "!"; }
const std::string& config_node::path() const noexcept { return place_->path; }
int config_node::line() const { return place_->mark.line + 1; }
int config_node::column() const { return place_->mark.column + 1; }
const YAML::Node& config_node::yaml() const { return place_->node; }

config_node config_node::absent(std::string path) const {
    config_node made(*this);
    made.place_ = std::make_shared<place>();
    made.place_->document = place_->document;
    made.place_->path = std::move(path);
    made.place_->mark = place_->mark;
    return made;
}

config_node config_node::child(std::string_view key) {
    place_->known.emplace(key);
    auto path = join(place_->path, key);
    if (!exists() || is_null()) return absent(std::move(path));
    if (!is_map()) {
        if (!place_->complained_of_kind) complain("expected `key: value` lines here");
        place_->complained_of_kind = true;
        return absent(std::move(path));
    }
    for (const auto& member : place_->node)
        if (member.first.IsScalar() && member.first.Scalar() == key)
            return {*place_->document, member.second, std::move(path), this};
    return absent(std::move(path));
}

config_node config_node::required(std::string_view key) {
    auto found = child(key);
    if (!found.exists() && !place_->complained_of_kind) complain("`" + std::string(key) + "` is missing here");
    return found;
}

std::vector<config_node> config_node::items() {
    std::vector<config_node> out;
    if (!exists() || is_null()) return out;
    if (!is_sequence()) {
        complain("expected a list (lines that begin with `- `, or `[a, b]`)");
        return out;
    }
    std::size_t index = 0;
    for (const auto& item : place_->node)
        out.push_back(config_node{*place_->document, item, place_->path + "[" + std::to_string(index++) + "]", this});
    return out;
}

std::vector<std::pair<std::string, config_node>> config_node::members() {
    std::vector<std::pair<std::string, config_node>> out;
    if (!exists() || is_null()) return out;
    if (!is_map()) {
        if (!place_->complained_of_kind) complain("expected `key: value` lines here");
        place_->complained_of_kind = true;
        return out;
    }
    for (const auto& member : place_->node) {
        if (!member.first.IsScalar()) continue;
        auto key = member.first.Scalar();
        place_->known.insert(key);
        auto path = join(place_->path, key);
        out.emplace_back(std::move(key), config_node{*place_->document, member.second, std::move(path), this});
    }
    return out;
}

std::string config_node::text() const {
    if (!exists() || is_null()) return {};
    if (!is_scalar()) {
        complain("expected one value, not a list or a map");
        return {};
    }
    if (!place_->document->with.substitute_environment) return place_->node.Scalar();
    std::string missing;
    auto text = substitute(place_->node.Scalar(), missing);
    if (!missing.empty()) complain("the environment variable " + missing + " is not set");
    return text;
}

bool config_node::read(std::string_view key, std::string& into) {
    const auto node = child(key);
    if (!node.exists()) return false;
    into = node.text();
    return true;
}

bool config_node::read(std::string_view key, bool& into) {
    const auto node = child(key);
    if (!node.exists()) return false;
    const auto text = node.text();
    if (text == "true" || text == "yes" || text == "on")
        into = true;
    else if (text == "false" || text == "no" || text == "off")
        into = false;
    else {
        node.complain("expected true or false, not `" + text + "`");
        return false;
    }
    return true;
}

bool config_node::read(std::string_view key, double& into) {
    const auto node = child(key);
    if (!node.exists()) return false;
    const auto text = node.text();
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        node.complain("expected a number, not `" + text + "`");
        return false;
    }
    into = value;
    return true;
}

bool config_node::read_number(std::string_view key, std::int64_t& into, std::int64_t least, std::int64_t most) {
    const auto node = child(key);
    if (!node.exists()) return false;
    const auto text = node.text();
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        node.complain("expected a whole number, not `" + text + "`");
        return false;
    }
    if (value < least || value > most) {
        node.complain("must be from " + std::to_string(least) + " to " + std::to_string(most) + ", not " + text);
        return false;
    }
    into = value;
    return true;
}

bool config_node::read(std::string_view key, std::chrono::milliseconds& into) {
    const auto node = child(key);
    if (!node.exists()) return false;
    const auto text = node.text();
    const auto value = scaled(text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
    if (!value || *value > 1ULL << 53) {
        node.complain("expected a duration such as 500ms, 30s, 5m, 36h or 14d, not `" + text + "`");
        return false;
    }
    into = std::chrono::milliseconds(static_cast<std::int64_t>(*value));
    return true;
}

bool config_node::read_bytes(std::string_view key, std::uint64_t& into) {
    const auto node = child(key);
    if (!node.exists()) return false;
    const auto text = node.text();
    const auto value = scaled(text, {{"", 1},
                                     {"B", 1},
                                     {"kB", 1000},
                                     {"MB", 1'000'000},
                                     {"GB", 1'000'000'000},
                                     {"KiB", 1024},
                                     {"MiB", 1024 * 1024},
                                     {"GiB", 1024ULL * 1024 * 1024},
                                     {"TiB", 1024ULL * 1024 * 1024 * 1024}});
    if (!value) {
        node.complain("expected a size such as 65536, 64KiB, 25MiB or 1GiB, not `" + text + "`");
        return false;
    }
    into = *value;
    return true;
}

bool config_node::read(std::string_view key, std::vector<std::string>& into) {
    auto node = child(key);
    if (!node.exists()) return false;
    std::vector<std::string> texts;
    for (const auto& item : node.items()) texts.push_back(item.text());
    into = std::move(texts);
    return true;
}

void config_node::finish() {
    if (!is_map()) return;
    const std::vector<std::string> known(place_->known.begin(), place_->known.end());
    for (const auto& member : place_->node) {
        if (!member.first.IsScalar()) continue;
        const auto key = member.first.Scalar();
        if (place_->known.contains(key)) continue;
        std::string message = "unknown key";
        if (const auto near = nearest(key, known); !near.empty())
            message += "; did you mean `" + std::string(near) + "`?";
        else if (!known.empty()) {
            message += "; known here: ";
            for (std::size_t i = 0; i < known.size(); ++i) message += (i == 0 ? "" : ", ") + known[i];
        }
        place_->document->complain(member.first.Mark(), join(place_->path, key), std::move(message));
    }
}

void config_node::complain(std::string message) const {
    place_->document->complain(place_->mark, place_->path, std::move(message));
}

} // namespace core
