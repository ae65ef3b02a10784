#include "mapper/expression/parser.hpp"

#include "mapper/expression/lexer.hpp"
#include "mapper/expression/text.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace mapper::expression {

namespace {

struct power {
    std::string_view sign;
    int binding;
};

constexpr std::array<power, 29> powers{{{"&", 50},  {".", 75},  {"[", 80},   {"{", 70},  {"(", 80},  {"@", 80},
                                        {"#", 80},  {"?", 20},  {"+", 50},   {"-", 50},  {"*", 60},  {"/", 60},
                                        {"%", 60},  {"=", 40},  {"<", 40},   {">", 40},  {"^", 40},  {"**", 60},
                                        {"..", 20}, {":=", 10}, {"!=", 40},  {"<=", 40}, {">=", 40}, {"~>", 40},
                                        {"?:", 40}, {"??", 40}, {"and", 30}, {"or", 25}, {"in", 40}}};

struct refusal {
    std::string_view sign;
    std::string_view message;
};

/// Parts of JSONata that this version leaves out, where they stand after an operand.
constexpr refusal left_out_after[] = {
    {"~>", "chaining with ~> is not part of this version; write the call with its argument in parentheses"},
    {"^", "ordering with ^(…) is not part of this version"},
    {"{", "grouping with {…} after a value is not part of this version"},
    {"@", "binding with @ is not part of this version"},
    {"#", "position binding with # is not part of this version"},
    {"..", "ranges with .. are not part of this version"},
    {"**", "`**` is not part of this version"},
};
constexpr refusal left_out_before[] = {
    {"%", "the parent operator % is not part of this version"},
    {"**", "`**` (all descendants) is not part of this version; name the path to the value"},
    {"|", "the transform operator |…| is not part of this version"},
    {"?", "partial function application is not part of this version"},
};

bool keyword(const token& t) noexcept {
    return t.kind == token_kind::name && (t.word == "and" || t.word == "or" || t.word == "in");
}

int binding_power(const token& t) noexcept {
    if (t.kind != token_kind::sign && !keyword(t)) return 0;
    const auto found = std::find_if(powers.begin(), powers.end(), [&](const power& p) { return p.sign == t.word; });
    return found == powers.end() ? 0 : found->binding;
}

std::string shown(const token& t) {
    if (t.kind == token_kind::end) return "the end of the expression";
    if (t.kind == token_kind::text) return "the text \"" + t.word + "\"";
    if (t.kind == token_kind::variable) return "`$" + t.word + "`";
    return "`" + t.word + "`";
}

class parser {
  public:
    explicit parser(std::string_view source) : lexer_(source) {}

    std::variant<tree_ptr, complaint> run() {
        advance(true);
        auto made = expression(0);
        if (!failed_ && here_.kind != token_kind::end)
            refuse(here_.column, shown(here_) + " does not fit here; is an operator such as & or + missing before it?");
        if (failed_) return mistake_;
        return made;
    }

  private:
    void refuse(std::uint32_t column, std::string message) {
        if (failed_) return;
        failed_ = true;
        mistake_ = {column, std::move(message)};
    }

    void advance(bool operand_expected) {
        if (failed_) return;
        auto read = lexer_.next(operand_expected);
        if (read) {
            here_ = std::move(*read);
            return;
        }
        refuse(lexer_.mistake().column, lexer_.mistake().message);
    }

    /// `after_value`: what follows the sign stands after an operand.
    void expect(std::string_view sign, bool after_value) {
        if (failed_) return;
        if (!here_.is(sign)) {
            refuse(here_.column, "expected `" + std::string(sign) + "` here, found " + shown(here_));
            return;
        }
        advance(!after_value);
    }

    tree_ptr make(tree_kind kind, std::uint32_t column, std::string word = {}) {
        auto made = std::make_unique<tree>();
        made->kind = kind;
        made->column = column;
        made->word = std::move(word);
        return made;
    }

    void adopt(tree& parent, tree_ptr kid) {
        if (kid == nullptr) {
            refuse(parent.column, "something is missing here");
            return;
        }
        parent.depth = std::max(parent.depth, kid->depth + 1);
        if (parent.depth > depth_max) refuse(parent.column, "the expression is nested too deeply");
        parent.kids.push_back(std::move(kid));
    }

    tree_ptr expression(int least) {
        if (++nesting_ > depth_max) refuse(here_.column, "the expression is nested too deeply");
        auto left = failed_ ? nullptr : operand();
        while (!failed_ && least < binding_power(here_)) left = infix(std::move(left));
        --nesting_;
        return failed_ ? nullptr : std::move(left);
    }

    tree_ptr operand() {
        const token t = here_;
        switch (t.kind) {
        case token_kind::end: refuse(t.column, "the expression ends too early; a value is missing"); return nullptr;
        case token_kind::sign: return prefix(t);
        default: break;
        }
        advance(false);
        if (t.kind == token_kind::number) {
            auto made = make(tree_kind::number, t.column);
            made->number = t.number;
            return made;
        }
        if (t.kind == token_kind::text) return make(tree_kind::text, t.column, t.word);
        if (t.kind == token_kind::variable) return make(tree_kind::variable, t.column, t.word);
        if (t.kind == token_kind::name && t.word == "true") return make(tree_kind::constant_true, t.column);
        if (t.kind == token_kind::name && t.word == "false") return make(tree_kind::constant_false, t.column);
        if (t.kind == token_kind::name && t.word == "null") return make(tree_kind::constant_null, t.column);
        return make(tree_kind::name, t.column, t.word);
    }

    tree_ptr prefix(const token& t) {
        if (t.word == "-") {
            advance(true);
            auto made = make(tree_kind::negate, t.column);
            adopt(*made, expression(70));
            return made;
        }
        if (t.word == "*") {
            advance(false);
            return make(tree_kind::wildcard, t.column);
        }
        if (t.word == "(") return block(t);
        if (t.word == "[") return array(t);
        if (t.word == "{") return object(t);
        for (const auto& one : left_out_before)
            if (t.word == one.sign) {
                refuse(t.column, std::string(one.message));
                return nullptr;
            }
        if (t.word == "=")
            refuse(t.column, "a value is missing before `=`; equality is written with one =");
        else
            refuse(t.column, "a value is missing before " + shown(t));
        return nullptr;
    }

    tree_ptr block(const token& t) {
        auto made = make(tree_kind::block, t.column);
        advance(true);
        while (!failed_ && !here_.is(")")) {
            adopt(*made, expression(0));
            if (failed_ || !here_.is(";")) break;
            advance(true);
        }
        expect(")", true);
        return made;
    }

    tree_ptr array(const token& t) {
        auto made = make(tree_kind::array, t.column);
        advance(true);
        while (!failed_ && !here_.is("]")) {
            adopt(*made, expression(0));
            if (failed_ || !here_.is(",")) break;
            advance(true);
            if (here_.is("]")) refuse(here_.column, "a value is missing after the comma");
        }
        expect("]", true);
        return made;
    }

    tree_ptr object(const token& t) {
        auto made = make(tree_kind::object, t.column);
        advance(true);
        while (!failed_ && !here_.is("}")) {
            adopt(*made, expression(0));
            expect(":", false);
            if (!failed_) adopt(*made, expression(0));
            if (failed_ || !here_.is(",")) break;
            advance(true);
            if (here_.is("}")) refuse(here_.column, "a name is missing after the comma");
        }
        expect("}", true);
        return made;
    }

    tree_ptr infix(tree_ptr left) {
        const token t = here_;
        for (const auto& one : left_out_after)
            if (t.word == one.sign) {
                refuse(t.column, std::string(one.message));
                return nullptr;
            }
        advance(true);
        if (t.word == "(") return call(std::move(left), t);
        if (t.word == "[") return filter(std::move(left), t);
        if (t.word == "?") return condition(std::move(left), t);
        if (t.word == "??" || t.word == "?:") {
            auto made = make(t.word == "??" ? tree_kind::coalesce : tree_kind::elvis, t.column);
            adopt(*made, std::move(left));
            adopt(*made, expression(0));
            return made;
        }
        if (t.word == ":=") return bind(std::move(left), t);
        auto made = make(tree_kind::binary, t.column, t.word);
        adopt(*made, std::move(left));
        adopt(*made, expression(binding_power(t)));
        return made;
    }

    tree_ptr bind(tree_ptr left, const token& t) {
        if (left->kind != tree_kind::variable || left->word.empty() || left->word == "$") {
            refuse(left->column, "only a variable such as `$x` can stand before :=");
            return nullptr;
        }
        auto made = make(tree_kind::bind, t.column, left->word);
        adopt(*made, expression(9));
        return made;
    }

    tree_ptr condition(tree_ptr left, const token& t) {
        auto made = make(tree_kind::condition, t.column);
        adopt(*made, std::move(left));
        adopt(*made, expression(0));
        if (!failed_ && here_.is(":")) {
            advance(true);
            adopt(*made, expression(0));
        }
        return made;
    }

    tree_ptr filter(tree_ptr left, const token& t) {
        if (here_.is("]")) {
            tree* step = left.get();
            while (step->kind == tree_kind::filter) step = step->kids[0].get();
            step->keep_array = true;
            advance(false);
            return left;
        }
        auto made = make(tree_kind::filter, t.column);
        adopt(*made, std::move(left));
        adopt(*made, expression(0));
        expect("]", true);
        return made;
    }

    tree_ptr call(tree_ptr left, const token& t) {
        if (left->kind == tree_kind::name && (left->word == "function" || left->word == "\u03BB")) {
            refuse(left->column, "functions of your own are not part of this version");
            return nullptr;
        }
        if (left->kind == tree_kind::name) {
            refuse(left->column, "functions begin with $: write `$" + left->word + "(…)`");
            return nullptr;
        }
        if (left->kind != tree_kind::variable) {
            refuse(t.column, "only a function such as $string can be called");
            return nullptr;
        }
        auto made = make(tree_kind::call, left->column, left->word);
        while (!failed_ && !here_.is(")")) {
            adopt(*made, expression(0));
            if (failed_ || !here_.is(",")) break;
            advance(true);
            if (here_.is(")")) refuse(here_.column, "a value is missing after the comma");
        }
        expect(")", true);
        return made;
    }

    lexer lexer_;
    token here_;
    bool failed_ = false;
    complaint mistake_;
    std::uint32_t nesting_ = 0;
};

} // namespace

std::variant<tree_ptr, complaint> parse(std::string_view source) {
    if (source.size() > source_bytes_max) return complaint{1, "the expression is longer than 16 KiB"};
    if (!valid_utf8(source)) return complaint{1, "the expression is not valid UTF-8"};
    return parser(source).run();
}

} // namespace mapper::expression
