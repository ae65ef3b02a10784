#include "mapper/mapping/template_reader.hpp"

#include "common/core/json_writer.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace mapper::mapping {

namespace {

using form = template_node::form;

/// A number as JSON writes it.
bool json_number(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&] {
        const auto from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at - from;
    };
    if (at < text.size() && text[at] == '-') ++at;
    const bool zero = at < text.size() && text[at] == '0';
    const auto whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (digits() == 0) return false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == text.size();
}

bool ambiguous(std::string_view text) {
    static constexpr std::array<std::string_view, 12> words{"yes", "no",  "on",  "off", "Yes",  "No",
                                                            "On",  "Off", "YES", "NO",  "True", "False"};
    if (std::find(words.begin(), words.end(), text) != words.end()) return true;
    return text.size() > 1 && text[0] == '0' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The end of the expression that begins at `from`: the `}` that closes `${`, quotes and inner braces skipped.
std::size_t closing_brace(std::string_view text, std::size_t from) {
    int depth = 0;
    char quote = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            if (c == '\\')
                ++i;
            else if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'' || c == '`')
            quote = c;
        else if (c == '{')
            ++depth;
        else if (c == '}' && depth-- == 0)
            return i;
    }
    return std::string_view::npos;
}

std::size_t line_start(std::string_view source, int line) {
    std::size_t at = 0;
    for (int i = 1; i < line && at != std::string_view::npos; ++i) {
        at = source.find('\n', at);
        if (at != std::string_view::npos) ++at;
    }
    return std::min(at, source.size());
}

/// Bytes of source that make `offset` bytes of a quoted scalar, which begins at `at` behind its quote.
std::size_t quoted_offset(std::string_view source, std::size_t at, char quote, std::size_t offset) {
    const auto from = at;
    for (; offset > 0 && at < source.size(); --offset, ++at)
        if ((quote == '"' && source[at] == '\\') || (quote == '\'' && source[at] == '\'')) ++at;
    return at - from;
}

} // namespace

source_place template_reader::place_of(const core::config_node& node) {
    return {node.path(), node.line(), node.column()};
}

void template_reader::complain_at(const core::config_node& node, std::size_t offset, std::string message) {
    core::complaint made{"", node.line(), node.column(), node.path(), std::move(message)};
    const auto start = std::min(line_start(source_, made.line) + static_cast<std::size_t>(std::max(made.column - 1, 0)),
                                source_.size());
    const char first = start < source_.size() ? source_[start] : '\0';
    if (first == '"' || first == '\'') {
        made.column += 1 + static_cast<int>(quoted_offset(source_, start + 1, first, offset));
    } else if (first == '|' || first == '>') {
        const auto text = node.text().substr(0, offset);
        made.line += 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
        const auto line = source_.substr(line_start(source_, made.line));
        const auto indent = std::min(line.find_first_not_of(' '), line.size());
        const auto newline = text.rfind('\n');
        made.column = static_cast<int>(indent + 1 + (newline == std::string::npos ? offset : offset - newline - 1));
    } else {
        made.column += static_cast<int>(offset);
    }
    complaints_.push_back(std::move(made));
}

expression::program_ptr template_reader::compile(const core::config_node& node, std::string_view code,
                                                 std::size_t offset, const expression::scope& names) {
    auto compiled = expression::compile(code, names);
    if (auto* made = std::get_if<expression::program_ptr>(&compiled)) return std::move(*made);
    auto& wrong = std::get<expression::complaint>(compiled);
    complain_at(node, offset + wrong.column - 1, std::move(wrong.message));
    return nullptr;
}

template_node template_reader::read_interpolated(const core::config_node& node, const std::string& text,
                                                 const expression::scope& names) {
    template_node made;
    std::string literal;
    std::size_t at = 0;
    while (at < text.size()) {
        if (text.compare(at, 3, "$${") == 0) {
            literal += "${";
            at += 3;
            continue;
        }
        if (text.compare(at, 2, "${") != 0) {
            literal.push_back(text[at++]);
            continue;
        }
        const auto close = closing_brace(text, at + 2);
        if (close == std::string::npos) {
            complain_at(node, at, "`${` is not closed with `}` (write $${ for the characters themselves)");
            break;
        }
        made.pieces.push_back({std::move(literal),
                               compile(node, std::string_view(text).substr(at + 2, close - at - 2), at + 2, names),
                               place_of(node)});
        literal.clear();
        at = close + 1;
    }
    made.place = place_of(node);
    if (made.pieces.empty()) {
        core::append_json_string(made.literal, literal);
        made.literal_text = std::move(literal);
        return made;
    }
    made.what = form::text;
    made.pieces.push_back({std::move(literal), nullptr, made.place});
    return made;
}

template_node template_reader::read_scalar(const core::config_node& node, const expression::scope& names) {
    const std::string text = node.text();
    template_node made;
    made.place = place_of(node);
    if (text.starts_with("==")) {
        auto plain = read_interpolated(node, text.substr(1), names);
        return plain;
    }
    if (text.starts_with('=')) {
        made.what = form::expression;
        made.program = compile(node, std::string_view(text).substr(1), 1, names);
        return made;
    }
    if (!node.is_quoted()) {
        if (ambiguous(text))
            node.complain("`" + text + "` can be read in two ways; write \"" + text + "\" for text, or " +
                          (text[0] == '0' ? "a number without the leading 0" : "true or false"));
        if (text == "true" || text == "false" || json_number(text)) {
            made.literal = text;
            made.literal_text = text;
            return made;
        }
    }
    return read_interpolated(node, text, names);
}

template_node template_reader::read(core::config_node node, const expression::scope& names) {
    template_node made;
    made.place = place_of(node);
    if (!node.exists()) return made;
    if (node.is_null()) {
        made.literal = "null";
        return made;
    }
    if (node.is_scalar()) return read_scalar(node, names);
    if (node.is_sequence()) {
        made.what = form::list;
        for (const auto& item : node.items()) made.items.push_back(read(item, names));
        return made;
    }
    made.what = form::object;
    for (const auto& [name, of] : node.members()) made.members.emplace_back(name, read(of, names));
    return made;
}

expression::program_ptr template_reader::read_condition(core::config_node node, const expression::scope& names) {
    if (!node.exists()) return nullptr;
    const std::string text = node.is_scalar() ? node.text() : "";
    if (text == "true" || text == "false") return compile(node, text, 0, names);
    if (!text.starts_with('=')) {
        node.complain("a condition is an expression; it begins with = and stands in quotes: \"=payload.x > 1\"");
        return nullptr;
    }
    return compile(node, std::string_view(text).substr(1), 1, names);
}

} // namespace mapper::mapping
