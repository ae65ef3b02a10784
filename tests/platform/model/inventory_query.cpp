#include "tests/platform/model/inventory_query.hpp"

#include "tests/platform/model/text.hpp"

#include <charconv>
#include <optional>

namespace platform_sim::model {

enum class node_kind { both, either, negation, has, comparison };

struct inventory_query::node {
    node_kind kind = node_kind::comparison;
    std::unique_ptr<node> left;
    std::unique_ptr<node> right;
    std::string path;
    std::string comparator;
    std::string text;
    std::optional<double> number;
};

namespace {

using node = inventory_query::node;
using node_ptr = std::unique_ptr<node>;

constexpr int depth_max = 32;

class parser {
  public:
    parser(std::string_view text, std::string& problem) : left_(text), problem_(problem) {}

    node_ptr whole() {
        node_ptr root = either(0);
        if (!problem_.empty()) return nullptr;
        skip_blanks();
        if (!left_.empty()) return fail("unexpected '" + std::string(left_.substr(0, 20)) + "'");
        return root;
    }

  private:
    node_ptr fail(std::string message) {
        if (problem_.empty()) problem_ = std::move(message);
        return nullptr;
    }
    void skip_blanks() {
        while (!left_.empty() && (left_.front() == ' ' || left_.front() == '+')) left_.remove_prefix(1);
    }
    bool take(char c) {
        skip_blanks();
        if (left_.empty() || left_.front() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    std::string_view word() {
        skip_blanks();
        const auto end = left_.find_first_of(" +()',");
        const auto taken = left_.substr(0, end);
        left_.remove_prefix(taken.size());
        return taken;
    }
    bool take_word(std::string_view expected) {
        const auto before = left_;
        if (word() == expected) return true;
        left_ = before;
        return false;
    }
    static node_ptr join(node_kind kind, node_ptr a, node_ptr b) {
        auto joined = std::make_unique<node>();
        joined->kind = kind;
        joined->left = std::move(a);
        joined->right = std::move(b);
        return joined;
    }

    node_ptr either(int depth) {
        node_ptr result = both(depth);
        while (problem_.empty() && take_word("or")) result = join(node_kind::either, std::move(result), both(depth));
        return result;
    }
    node_ptr both(int depth) {
        node_ptr result = single(depth);
        while (problem_.empty() && take_word("and")) result = join(node_kind::both, std::move(result), single(depth));
        return result;
    }
    node_ptr single(int depth) {
        if (depth > depth_max) return fail("nested too deeply");
        if (take_word("not")) return join(node_kind::negation, single(depth + 1), nullptr);
        if (take('(')) {
            node_ptr inner = either(depth + 1);
            if (problem_.empty() && !take(')')) return fail("')' is missing");
            return inner;
        }
        const std::string path(word());
        if (path.empty()) return fail("a property is missing");
        if (take('(')) return function(path);
        return comparison(path);
    }
    node_ptr function(const std::string& name) {
        if (name != "has") return fail("function '" + name + "' is not supported by the stand-in");
        auto made = std::make_unique<node>();
        made->kind = node_kind::has;
        made->path = word();
        if (!take(')')) return fail("')' is missing");
        return made;
    }
    node_ptr comparison(const std::string& path) {
        auto made = std::make_unique<node>();
        made->path = path;
        made->comparator = word();
        static constexpr std::string_view known[] = {"eq", "ne", "gt", "ge", "lt", "le"};
        if (std::find(std::begin(known), std::end(known), made->comparator) == std::end(known))
            return fail("'" + made->comparator + "' is no comparison");
        if (take('\'')) {
            const auto end = left_.find('\'');
            if (end == std::string_view::npos) return fail("a quote is missing");
            made->text = left_.substr(0, end);
            left_.remove_prefix(end + 1);
            return made;
        }
        std::string_view literal = word();
        double number = 0;
        if (!literal.empty() && (literal.back() == 'd' || literal.back() == 'f')) literal.remove_suffix(1);
        const auto done = std::from_chars(literal.data(), literal.data() + literal.size(), number);
        if (done.ec == std::errc{} && done.ptr == literal.data() + literal.size())
            made->number = number;
        else if (literal == "true" || literal == "false")
            made->text = literal;
        else
            return fail("'" + std::string(literal) + "' is no value");
        return made;
    }

    std::string_view left_;
    std::string& problem_;
};

template <class Value> bool compare(std::string_view comparator, const Value& a, const Value& b) {
    if (comparator == "gt") return a > b;
    if (comparator == "ge") return a >= b;
    if (comparator == "lt") return a < b;
    if (comparator == "le") return a <= b;
    return comparator == "eq" ? a == b : a != b;
}

bool compare_text(const node& of, std::string_view found) {
    if (of.comparator == "eq") return wildcard_match(of.text, found);
    if (of.comparator == "ne") return !wildcard_match(of.text, found);
    const auto a = parse_time(found);
    const auto b = parse_time(of.text);
    if (a && b) return compare(of.comparator, *a, *b);
    return compare(of.comparator, found, std::string_view(of.text));
}

bool comparison_holds(const node& of, const json::object& fields) {
    std::string_view path = of.path;
    if (path.ends_with(".date")) path.remove_suffix(5); // creationTime.date is how the platform spells a date
    const json::value* found = find_path(fields, path);
    if (found == nullptr) return of.comparator == "ne";
    if (found->is_string())
        return !of.number && compare_text(of, {found->get_string().data(), found->get_string().size()});
    if (found->is_bool()) return compare_text(of, found->get_bool() ? "true" : "false");
    if (found->is_number()) return of.number && compare(of.comparator, found->to_number<double>(), *of.number);
    return false;
}

bool holds(const node& of, const json::object& fields) {
    switch (of.kind) {
    case node_kind::both: return holds(*of.left, fields) && holds(*of.right, fields);
    case node_kind::either: return holds(*of.left, fields) || holds(*of.right, fields);
    case node_kind::negation: return !holds(*of.left, fields);
    case node_kind::has: return find_path(fields, of.path) != nullptr;
    case node_kind::comparison: return comparison_holds(of, fields);
    }
    return false;
}

} // namespace

inventory_query::inventory_query(std::string_view text) {
    if (text.find("$orderby") != std::string_view::npos) {
        problem_ = "$orderby is not supported by the stand-in";
        return;
    }
    if (text.starts_with("$filter=")) text.remove_prefix(8);
    root_ = parser(text, problem_).whole();
}

inventory_query::~inventory_query() = default;

bool inventory_query::matches(const json::object& fields) const { return root_ != nullptr && holds(*root_, fields); }

} // namespace platform_sim::model
