// Characters to tokens, as JSONata's reference cuts them. Load time only.
#pragma once

#include "mapper/expression/tree.hpp"

#include <optional>
#include <string_view>

namespace mapper::expression {

enum class token_kind { end, sign, name, quoted_name, variable, text, number };

struct token {
    token_kind kind = token_kind::end;
    std::uint32_t column = 1;
    std::string word; ///< the sign, name or text itself
    double number = 0;
    bool is(std::string_view sign) const noexcept { return kind == token_kind::sign && word == sign; }
};

class lexer {
  public:
    explicit lexer(std::string_view source) noexcept : source_(source) {}
    /// `operand_expected`: a `/` here would begin a regular expression. Empty after a mistake; see complaint().
    std::optional<token> next(bool operand_expected);
    const complaint& mistake() const noexcept { return mistake_; }

  private:
    std::optional<token> refuse(std::size_t at, std::string message);
    bool skip_blanks();
    std::optional<token> read_text(char quote);
    bool read_escape(std::string& into);
    std::optional<std::uint32_t> read_hex4();
    std::optional<token> read_number();
    token make(token_kind kind, std::size_t from, std::string word) const;

    std::string_view source_;
    std::size_t at_ = 0;
    complaint mistake_;
};

} // namespace mapper::expression
