// Typed YAML access for people who make mistakes: every complaint carries file:line:column, the key path and a hint,
// and all complaints of a file are gathered before anything is refused. yaml-cpp accepts duplicate keys, trailing
// documents and more; the checks here do not. Start-up and reload only (7 MB/s). One thread.
//
//   config_document doc = config_document::parse(text, "broker.yaml");
//   auto root = doc.root();
//   root.child("listen").read("port", port);       // absent: `port` keeps its default
//   root.finish();                                 // unknown keys become complaints
//   if (!doc.complaints().empty()) …
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace YAML {
class Node;
}

namespace core {

struct complaint {
    std::string file;
    int line = 0;   ///< from 1; 0 when unknown
    int column = 0; ///< from 1; 0 when unknown
    std::string key_path;
    std::string message;

    /// `file:line:column: error: key.path: message`
    std::string text() const;
};

/// The nearest of `known` to `word` if it is near enough to be a slip of the finger, else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string>& known);

class config_node;

/// Owns one parsed file and the complaints about it. Nodes refer to it and must not outlive it.
class config_document {
  public:
    struct options {
        bool substitute_environment = false; ///< `${NAME}` and `${NAME:-default}` inside scalars
    };

    static config_document parse(std::string_view text, std::string file, options with);
    static config_document parse(std::string_view text, std::string file) {
        return parse(text, std::move(file), options{});
    }
    /// Reads the file first; an unreadable one is a complaint.
    static config_document load(const std::string& path, options with);

    config_document(config_document&&) noexcept;
    config_document& operator=(config_document&&) noexcept;
    ~config_document();

    config_node root();
    const std::vector<complaint>& complaints() const noexcept;
    bool ok() const noexcept { return complaints().empty(); }
    /// All complaints, one a line.
    std::string complaint_text() const;

  private:
    friend class config_node;
    struct state;
    explicit config_document(std::unique_ptr<state> s);
    std::unique_ptr<state> state_;
};

/// One place in the document. Cheap to copy. An absent node answers every question with "nothing".
class config_node {
  public:
    config_node(const config_node&);
    config_node& operator=(const config_node&);
    config_node(config_node&&) noexcept;
    config_node& operator=(config_node&&) noexcept;
    ~config_node();

    bool exists() const noexcept;
    bool is_map() const;
    bool is_sequence() const;
    bool is_scalar() const;
    bool is_null() const;
    /// True for a scalar written in quotes: then it is text, never a number or flag.
    bool is_quoted() const;

    /// Marks `key` as known. Absent children are fine; asking a non-map complains once.
    config_node child(std::string_view key);
    /// Like child, but complains when it is absent.
    config_node required(std::string_view key);
    /// Items of a sequence; empty when absent; complains about anything else.
    std::vector<config_node> items();
    /// Keys and values of a map in file order, all marked known.
    std::vector<std::pair<std::string, config_node>> members();

    /// The scalar's text, after environment substitution; empty when absent; complains when it is no scalar.
    std::string text() const;

    // Each leaves `into` alone when the key is absent and complains when the value does not fit.
    bool read(std::string_view key, std::string& into);
    bool read(std::string_view key, bool& into);
    bool read(std::string_view key, double& into);
    /// `500ms`, `30s`, `5m`, `36h`, `14d`.
    bool read(std::string_view key, std::chrono::milliseconds& into);
    template <std::integral Number>
        requires(!std::same_as<Number, bool>)
    bool read(std::string_view key, Number& into) {
        std::int64_t value = 0;
        if (!read_number(key, value, static_cast<std::int64_t>(std::numeric_limits<Number>::min()),
                         sizeof(Number) == 8 ? std::numeric_limits<std::int64_t>::max()
                                             : static_cast<std::int64_t>(std::numeric_limits<Number>::max())))
            return false;
        into = static_cast<Number>(value);
        return true;
    }
    /// Plain numbers or `64KiB`, `25MiB`, `1GiB`, `10kB`, `5MB`.
    bool read_bytes(std::string_view key, std::uint64_t& into);
    bool read(std::string_view key, std::vector<std::string>& into);

    /// Complains about the keys nobody asked for, with the nearest known one.
    void finish();
    void complain(std::string message) const;
    const std::string& path() const noexcept;
    int line() const;
    int column() const;
    /// The YAML node, for the few that walk values freely.
    const YAML::Node& yaml() const;

  private:
    friend class config_document;
    struct place;
    config_node(config_document::state& document, const YAML::Node& node, std::string path, config_node* parent_mark);
    config_node absent(std::string path) const;
    bool read_number(std::string_view key, std::int64_t& into, std::int64_t least, std::int64_t most);

    std::shared_ptr<place> place_;
};

} // namespace core
