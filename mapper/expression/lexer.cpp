#include "mapper/expression/lexer.hpp"

#include "mapper/expression/text.hpp"

#include <array>
#include <cmath>
#include <cstdlib>

namespace mapper::expression {

namespace {

constexpr std::string_view blanks = " \t\n\r\v";
constexpr std::string_view sign_characters = ".[]{}(),@#;:?+-*/%|=<>^&!~";
constexpr std::array<std::string_view, 9> double_signs{"..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"};

bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

} // namespace

token lexer::make(token_kind kind, std::size_t from, std::string word) const {
    return {kind, static_cast<std::uint32_t>(from + 1), std::move(word), 0};
}

std::optional<token> lexer::refuse(std::size_t at, std::string message) {
    mistake_ = {static_cast<std::uint32_t>(at + 1), std::move(message)};
    return std::nullopt;
}

bool lexer::skip_blanks() {
    while (at_ < source_.size()) {
        if (blanks.find(source_[at_]) != std::string_view::npos) {
            ++at_;
        } else if (source_.substr(at_, 2) == "/*") {
            const auto close = source_.find("*/", at_ + 2);
            if (close == std::string_view::npos) return false;
            at_ = close + 2;
        } else {
            break;
        }
    }
    return true;
}

std::optional<token> lexer::next(bool operand_expected) {
    if (!skip_blanks()) return refuse(at_, "the comment `/*` is not closed with `*/`");
    const auto from = at_;
    if (at_ == source_.size()) return make(token_kind::end, from, "");
    const char c = source_[at_];
    if (operand_expected && c == '/')
        return refuse(
            from,
            "regular expressions (/…/) are not part of this version; use $contains, $split or $replace with text");
    for (const auto sign : double_signs)
        if (source_.substr(at_, 2) == sign) {
            at_ += 2;
            return make(token_kind::sign, from, std::string(sign));
        }
    if (sign_characters.find(c) != std::string_view::npos) {
        ++at_;
        return make(token_kind::sign, from, std::string(1, c));
    }
    if (c == '"' || c == '\'') return read_text(c);
    if (digit(c)) return read_number();
    if (c == '`') {
        const auto close = source_.find('`', at_ + 1);
        if (close == std::string_view::npos)
            return refuse(from, "the name that begins with ` is not closed with another `");
        at_ = close + 1;
        return make(token_kind::quoted_name, from, std::string(source_.substr(from + 1, close - from - 1)));
    }
    while (at_ < source_.size() && blanks.find(source_[at_]) == std::string_view::npos &&
           sign_characters.find(source_[at_]) == std::string_view::npos)
        ++at_;
    const auto word = source_.substr(from, at_ - from);
    if (word[0] == '$') return make(token_kind::variable, from, std::string(word.substr(1)));
    if (word.find_first_of("\"'`") != std::string_view::npos)
        return refuse(from + word.find_first_of("\"'`"),
                      "a quote in the middle of a name; is an operator such as & missing before it?");
    return make(token_kind::name, from, std::string(word));
}

std::optional<token> lexer::read_number() {
    const auto from = at_;
    const auto digits = [&] {
        const auto start = at_;
        while (at_ < source_.size() && digit(source_[at_])) ++at_;
        return at_ > start;
    };
    if (source_[at_] == '0')
        ++at_;
    else
        digits();
    if (at_ < source_.size() && digit(source_[at_])) return refuse(from, "a number does not begin with 0");
    if (at_ + 1 < source_.size() && source_[at_] == '.' && digit(source_[at_ + 1])) {
        ++at_;
        digits();
    }
    if (at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
        const auto mark = at_++;
        if (at_ < source_.size() && (source_[at_] == '+' || source_[at_] == '-')) ++at_;
        if (!digits()) at_ = mark;
    }
    auto made = make(token_kind::number, from, std::string(source_.substr(from, at_ - from)));
    made.number = std::strtod(made.word.c_str(), nullptr);
    if (!std::isfinite(made.number)) return refuse(from, "the number " + made.word + " is too large");
    return made;
}

std::optional<std::uint32_t> lexer::read_hex4() {
    if (at_ + 4 > source_.size()) return std::nullopt;
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = source_[at_ + static_cast<std::size_t>(i)];
        const int digit_value = c >= '0' && c <= '9'   ? c - '0'
                                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                       : -1;
        if (digit_value < 0) return std::nullopt;
        code = code << 4 | static_cast<std::uint32_t>(digit_value);
    }
    at_ += 4;
    return code;
}

bool lexer::read_escape(std::string& into) {
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    const auto from = at_;
    const char c = at_ < source_.size() ? source_[at_++] : '\0';
    if (const auto place = letters.find(c); place != std::string_view::npos && c != '\0') {
        into.push_back(meant[place]);
        return true;
    }
    std::optional<std::uint32_t> code = c == 'u' ? read_hex4() : std::nullopt;
    if (code && *code >= 0xD800 && *code < 0xDC00 && source_.substr(at_, 2) == "\\u") {
        at_ += 2;
        const auto low = read_hex4();
        code = low && *low >= 0xDC00 && *low < 0xE000
                   ? std::optional(0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00))
                   : std::nullopt;
    }
    if (!code || (*code >= 0xD800 && *code < 0xE000)) {
        refuse(from - 1, "after a backslash in text stands one of \" \\ / b f n r t or u with four hexadecimal digits");
        return false;
    }
    append_code_point(into, *code);
    return true;
}

std::optional<token> lexer::read_text(char quote) {
    const auto from = at_++;
    std::string text;
    while (at_ < source_.size()) {
        const char c = source_[at_++];
        if (c == quote) return make(token_kind::text, from, std::move(text));
        if (c != '\\')
            text.push_back(c);
        else if (!read_escape(text))
            return std::nullopt;
    }
    return refuse(from, std::string("the text that begins with ") + quote + " is not closed");
}

} // namespace mapper::expression
