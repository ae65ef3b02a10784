#include "mapper/expression/compiler.hpp"

#include "common/core/config_node.hpp"
#include "mapper/expression/functions.hpp"
#include "mapper/expression/parser.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace mapper::expression {

namespace {

struct sign_meaning {
    std::string_view sign;
    operation what;
};

constexpr std::array<sign_meaning, 15> signs{{{"+", operation::add},
                                              {"-", operation::subtract},
                                              {"*", operation::multiply},
                                              {"/", operation::divide},
                                              {"%", operation::remainder},
                                              {"=", operation::equal},
                                              {"!=", operation::not_equal},
                                              {"<", operation::less},
                                              {"<=", operation::less_equal},
                                              {">", operation::greater},
                                              {">=", operation::greater_equal},
                                              {"and", operation::both},
                                              {"or", operation::either},
                                              {"&", operation::concatenate},
                                              {"in", operation::within}}};

/// A step of a path as written: the node and the filters behind it.
struct step {
    const tree* base;
    std::vector<const tree*> filters;
};

/// True when the reference treats it as a path: names, and what is joined by dots, with filters or without.
bool is_path(const tree& t) noexcept {
    if (t.kind == tree_kind::name) return true;
    if (t.kind == tree_kind::binary) return t.word == ".";
    return t.kind == tree_kind::filter && is_path(*t.kids[0]);
}

void flatten(const tree& t, std::vector<step>& into) {
    if (t.kind == tree_kind::binary && t.word == ".") {
        flatten(*t.kids[0], into);
        flatten(*t.kids[1], into);
    } else if (t.kind == tree_kind::filter) {
        flatten(*t.kids[0], into);
        into.back().filters.push_back(t.kids[1].get());
    } else {
        into.push_back({&t, {}});
    }
}

/// Where an expression stands: at the outermost level bare names are those of the scope, inside a step or filter they
/// are members of the item at hand.
struct place {
    bool outermost = true;
    bool statement = false; ///< directly in a block, where variables may be set
};

class compiler {
  public:
    explicit compiler(const scope& names) : scope_(names), made_(std::make_shared<program>()) {
        made_->slots_used.resize(names.names.size());
        made_->nodes.emplace_back(); // number 0 stands for what was refused
        frames_.emplace_back();
    }

    std::variant<program_ptr, complaint> run(const tree& top) {
        made_->top = compile(top, {true, true});
        if (mistake_) return *mistake_;
        return program_ptr(std::move(made_));
    }

  private:
    void refuse(std::uint32_t column, std::string message) {
        if (!mistake_) mistake_ = complaint{column, std::move(message)};
    }

    std::uint32_t add(node n) {
        made_->nodes.push_back(std::move(n));
        return static_cast<std::uint32_t>(made_->nodes.size() - 1);
    }
    node at(const tree& t, operation what) const {
        node n;
        n.what = what;
        n.column = t.column;
        n.keep_array = t.keep_array;
        return n;
    }
    std::string_view keep(std::string text) { return made_->texts.emplace_back(std::move(text)); }

    void link(node& n, const std::vector<std::uint32_t>& kids) {
        n.first = static_cast<std::uint32_t>(made_->links.size());
        n.count = static_cast<std::uint32_t>(kids.size());
        made_->links.insert(made_->links.end(), kids.begin(), kids.end());
    }
    std::vector<std::uint32_t> compile_kids(const tree& t, place where) {
        std::vector<std::uint32_t> kids;
        for (const auto& kid : t.kids) kids.push_back(compile(*kid, where));
        return kids;
    }

    std::uint32_t compile(const tree& t, place where) {
        const bool statement = where.statement;
        where.statement = false;
        if (is_path(t)) return compile_path(t, where);
        switch (t.kind) {
        case tree_kind::filter: return compile_filtered(t, where);
        case tree_kind::block: return compile_block(t, where);
        case tree_kind::bind: return compile_bind(t, where, statement);
        case tree_kind::call: return compile_call(t, where);
        case tree_kind::binary: return compile_binary(t, where);
        case tree_kind::variable: return compile_variable(t, where);
        case tree_kind::wildcard:
            if (where.outermost && !scope_.open) refuse(t.column, "`*` needs something before it, such as `payload.*`");
            return add(at(t, operation::wildcard));
        default: return compile_simple(t, where);
        }
    }

    std::uint32_t compile_simple(const tree& t, place where) {
        node n = at(t, operation::literal);
        switch (t.kind) {
        case tree_kind::text: n.constant = value::text(keep(t.word)); return add(n);
        case tree_kind::number: n.constant = value::number(t.number); return add(n);
        case tree_kind::constant_true: n.constant = value::boolean(true); return add(n);
        case tree_kind::constant_false: n.constant = value::boolean(false); return add(n);
        case tree_kind::constant_null: n.constant = value::null(); return add(n);
        case tree_kind::negate: return compile_negate(t, where);
        case tree_kind::array: n.what = operation::array; break;
        case tree_kind::object: n.what = operation::object; break;
        case tree_kind::condition: n.what = operation::condition; break;
        case tree_kind::coalesce: n.what = operation::coalesce; break;
        case tree_kind::elvis: n.what = operation::elvis; break;
        default: break;
        }
        link(n, compile_kids(t, where));
        if (t.kind == tree_kind::object) check_keys(t, n);
        return add(n);
    }

    void check_keys(const tree& t, const node& n) {
        for (std::uint32_t i = 0; i < n.count; i += 2) {
            const kind key = static_kind(made_->links[n.first + i]);
            if (key != kind::nothing && key != kind::text)
                refuse(t.kids[i]->column, "the name of a member must be text, not " + std::string(kind_name(key)));
        }
    }

    std::uint32_t compile_negate(const tree& t, place where) {
        const auto kid = compile(*t.kids[0], where);
        if (made_->nodes[kid].what == operation::literal && made_->nodes[kid].constant.is(kind::number)) {
            made_->nodes[kid].constant = value::number(-made_->nodes[kid].constant.as_number());
            return kid;
        }
        need_number(kid, "-");
        node n = at(t, operation::negate);
        link(n, {kid});
        return add(n);
    }

    /// The kind a node always gives, `nothing` when that depends on the payload.
    kind static_kind(std::uint32_t id) const {
        const node& n = made_->nodes[id];
        if (n.filter_count > 0) return kind::nothing;
        switch (n.what) {
        case operation::literal: return n.constant.type();
        case operation::negate:
        case operation::add:
        case operation::subtract:
        case operation::multiply:
        case operation::divide:
        case operation::remainder: return kind::number;
        case operation::equal:
        case operation::not_equal:
        case operation::less:
        case operation::less_equal:
        case operation::greater:
        case operation::greater_equal:
        case operation::both:
        case operation::either:
        case operation::within: return kind::boolean;
        case operation::concatenate: return kind::text;
        case operation::array: return kind::array;
        case operation::object: return kind::object;
        case operation::call: return function_table()[n.function].gives;
        case operation::block: return n.count == 0 ? kind::nothing : static_kind(made_->links[n.first + n.count - 1]);
        default: return kind::nothing;
        }
    }

    void need_number(std::uint32_t id, std::string_view sign) {
        const kind got = static_kind(id);
        if (got == kind::nothing || got == kind::number) return;
        std::string message = "`" + std::string(sign) + "` needs a number, not " + std::string(kind_name(got));
        if (sign == "+" && got == kind::text) message += "; to join texts use &";
        refuse(made_->nodes[id].column, std::move(message));
    }

    void need_comparable(std::uint32_t left, std::uint32_t right, std::string_view sign) {
        const kind a = static_kind(left);
        const kind b = static_kind(right);
        const auto fits = [](kind k) { return k == kind::nothing || k == kind::number || k == kind::text; };
        const auto bad = !fits(a) ? left : right;
        if (!fits(a) || !fits(b))
            refuse(made_->nodes[bad].column, "`" + std::string(sign) + "` compares numbers or texts, not " +
                                                 std::string(kind_name(static_kind(bad))));
        else if (a != kind::nothing && b != kind::nothing && a != b)
            refuse(made_->nodes[left].column, "`" + std::string(sign) + "` cannot compare " +
                                                  std::string(kind_name(a)) + " with " + std::string(kind_name(b)));
    }

    std::uint32_t compile_binary(const tree& t, place where) {
        const auto meaning = std::find_if(signs.begin(), signs.end(), [&](const auto& s) { return s.sign == t.word; });
        if (meaning == signs.end()) {
            refuse(t.column, "`" + t.word + "` is not an operator of this version");
            return 0;
        }
        node n = at(t, meaning->what);
        const auto left = compile(*t.kids[0], where);
        const auto right = compile(*t.kids[1], where);
        if (mistake_) return 0;
        if (n.what >= operation::add && n.what <= operation::remainder) {
            need_number(left, t.word);
            need_number(right, t.word);
        } else if (n.what >= operation::less && n.what <= operation::greater_equal) {
            need_comparable(left, right, t.word);
        }
        link(n, {left, right});
        return add(n);
    }

    std::uint32_t compile_block(const tree& t, place where) {
        frames_.emplace_back();
        node n = at(t, operation::block);
        where.statement = true;
        link(n, compile_kids(t, where));
        frames_.pop_back();
        return add(n);
    }

    std::uint32_t compile_bind(const tree& t, place where, bool statement) {
        if (!statement) refuse(t.column, "a variable is set by a statement of its own: ($" + t.word + " := …; …)");
        node n = at(t, operation::bind);
        where.statement = t.kids[0]->kind == tree_kind::bind;
        link(n, {compile(*t.kids[0], where)});
        const auto [known, fresh] = frames_.back().emplace(t.word, made_->variables);
        if (fresh) ++made_->variables;
        n.index = known->second;
        return add(n);
    }

    std::uint32_t compile_variable(const tree& t, place where) {
        node n = at(t, operation::variable);
        if (t.word.empty() || t.word == "$") {
            if (!scope_.open && (where.outermost || t.word == "$"))
                refuse(t.column,
                       "`$" + t.word + "` alone means everything at once here; name a part of it, such as `payload`");
            n.what = t.word.empty() ? operation::context : operation::root;
            return add(n);
        }
        for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame)
            if (const auto found = frame->find(t.word); found != frame->end()) {
                n.index = found->second;
                return add(n);
            }
        std::vector<std::string> known;
        for (const auto& frame : frames_)
            for (const auto& [name, index] : frame) known.push_back(name);
        std::string message = "the variable `$" + t.word + "` is not set before this place";
        if (const auto near = core::nearest(t.word, known); !near.empty())
            message += "; did you mean `$" + std::string(near) + "`?";
        else if (find_function(t.word) >= 0)
            message += "; a function is called with parentheses: `$" + t.word + "(…)`";
        else if (std::find(scope_.names.begin(), scope_.names.end(), t.word) != scope_.names.end())
            message += "; `" + t.word + "` is written without $";
        refuse(t.column, std::move(message));
        return 0;
    }

    void add_filters(node& n, const std::vector<const tree*>& filters, bool stages) {
        std::vector<std::uint32_t> ids;
        for (const auto* one : filters) ids.push_back(compile(*one, {false, false}));
        n.filter_first = static_cast<std::uint32_t>(made_->links.size());
        n.filter_count = static_cast<std::uint32_t>(ids.size());
        n.filters_are_stages = stages;
        made_->links.insert(made_->links.end(), ids.begin(), ids.end());
    }

    std::uint32_t compile_filtered(const tree& t, place where) {
        std::vector<step> steps;
        flatten(t, steps);
        auto id = compile(*steps[0].base, where);
        if (mistake_) return 0;
        if (made_->nodes[id].filter_count > 0 || made_->nodes[id].what == operation::fields) id = wrap(id);
        node n = made_->nodes[id];
        add_filters(n, steps[0].filters, false);
        made_->nodes[id] = n;
        return id;
    }

    std::uint32_t wrap(std::uint32_t inner) {
        node n;
        n.what = operation::block;
        n.column = made_->nodes[inner].column;
        link(n, {inner});
        return add(n);
    }

    std::uint32_t compile_slot(const tree& t, std::uint32_t column) {
        node n = at(t, operation::slot);
        n.column = column;
        const auto found = std::find(scope_.names.begin(), scope_.names.end(), t.word);
        if (found == scope_.names.end() || t.word.empty()) {
            refuse_name(t);
            return 0;
        }
        n.index = static_cast<std::uint32_t>(found - scope_.names.begin());
        made_->slots_used[n.index] = true;
        return add(n);
    }

    void refuse_name(const tree& t) {
        std::string message = "`" + t.word + "` is not known here";
        if (const auto near = core::nearest(t.word, scope_.names); !near.empty()) {
            message += "; did you mean `" + std::string(near) + "`?";
        } else {
            message += "; known names: ";
            bool first = true;
            for (const auto& name : scope_.names) {
                if (name.empty()) continue;
                message += (first ? "" : ", ") + name;
                first = false;
            }
            if (!scope_.names.empty() && scope_.names[0] == "payload")
                message += " (members of the message are written payload." + t.word + ")";
        }
        refuse(t.column, std::move(message));
    }

    std::uint32_t compile_step(const tree& t, place where) {
        if (t.kind == tree_kind::number || t.kind == tree_kind::constant_true || t.kind == tree_kind::constant_false ||
            t.kind == tree_kind::constant_null) {
            refuse(t.column,
                   "a number, true, false or null cannot be a step of a path; write the name in backticks: `…`");
            return 0;
        }
        if (t.kind == tree_kind::name || t.kind == tree_kind::text) {
            if (where.outermost && !scope_.open) return compile_slot(t, t.column);
            node n = at(t, operation::name);
            n.text = keep(t.word);
            return add(n);
        }
        return compile(t, where);
    }

    /// `$$.name` and, at the outermost level, `$.name` mean the scope's name.
    bool begins_at_root(const std::vector<step>& steps, place where) const {
        const tree& first = *steps[0].base;
        return !scope_.open && steps.size() > 1 && first.kind == tree_kind::variable && steps[0].filters.empty() &&
               (first.word == "$" || (first.word.empty() && where.outermost)) && steps[1].base->kind == tree_kind::name;
    }

    std::uint32_t compile_path(const tree& t, place where) {
        std::vector<step> steps;
        flatten(t, steps);
        node path = at(t, operation::path);
        std::vector<std::uint32_t> ids;
        std::size_t from = 0;
        place at_step = where;
        if (begins_at_root(steps, where)) {
            from = 1;
            at_step.outermost = true;
            path.absolute = true;
        }
        for (std::size_t i = from; i < steps.size() && !mistake_; ++i) {
            ids.push_back(compile_step_of_path(steps[i], at_step, i == 0, path));
            at_step = {false, false};
        }
        if (mistake_) return 0;
        path.column = steps[from].base->column;
        path.keep_array = path.keep_array || path.keep_singleton;
        link(path, ids);
        const auto general = add(path);
        return shorten(general, ids);
    }

    std::uint32_t compile_step_of_path(const step& one, place where, bool first, node& path) {
        auto id = compile_step(*one.base, where);
        if (mistake_) return 0;
        const bool plain_first = first && one.base->kind != tree_kind::name;
        if (!one.filters.empty() && made_->nodes[id].filter_count > 0) id = wrap(id);
        node n = made_->nodes[id];
        if (n.what == operation::array) n.constructed = true;
        if (n.what == operation::block) n.constructed = constructs(n);
        if (first && n.what == operation::variable) path.absolute = true;
        if (first && (n.what == operation::context || n.what == operation::root)) path.absolute = true;
        path.keep_singleton = path.keep_singleton || n.keep_array;
        if (!one.filters.empty()) add_filters(n, one.filters, !plain_first);
        made_->nodes[id] = n;
        return id;
    }

    /// A block that holds a path which begins with `[…]`.
    bool constructs(const node& block) const {
        for (std::uint32_t i = 0; i < block.count; ++i) {
            const node& kid = made_->nodes[made_->links[block.first + i]];
            if (kid.what != operation::path) continue;
            if (made_->nodes[made_->links[kid.first]].constructed) return true;
        }
        return false;
    }

    /// A path of plain names gets the short way in front of it.
    std::uint32_t shorten(std::uint32_t general, const std::vector<std::uint32_t>& ids) {
        for (const auto id : ids) {
            const node& n = made_->nodes[id];
            if ((n.what != operation::name && n.what != operation::slot) || n.filter_count > 0 || n.keep_array)
                return general;
        }
        node n;
        n.what = operation::fields;
        n.column = made_->nodes[general].column;
        n.index = general;
        link(n, ids);
        return add(n);
    }

    std::uint32_t compile_call(const tree& t, place where) {
        const int found = find_function(t.word);
        if (found < 0) {
            refuse_function(t);
            return 0;
        }
        const auto& function = function_table()[static_cast<std::size_t>(found)];
        auto kids = compile_kids(t, where);
        if (mistake_) return 0;
        if (kids.empty() && function.context && function.least == 1) {
            if (where.outermost && !scope_.open) {
                refuse(t.column, "`$" + t.word + "()` needs a value in its parentheses here");
                return 0;
            }
            kids.push_back(add(at(t, operation::context)));
        }
        check_arguments(t, function, kids);
        node n = at(t, operation::call);
        n.function = static_cast<std::uint8_t>(found);
        link(n, kids);
        return add(n);
    }

    void refuse_function(const tree& t) {
        std::string message = "there is no function `$" + t.word + "` in this version";
        const auto known = function_names();
        if (const auto near = core::nearest(t.word, known); !near.empty())
            message += "; did you mean `$" + std::string(near) + "`?";
        else
            message += "; see EXPRESSIONS.md for the list";
        refuse(t.column, std::move(message));
    }

    void check_arguments(const tree& t, const function_entry& function, const std::vector<std::uint32_t>& kids) {
        if (kids.size() < function.least || kids.size() > function.arguments.size()) {
            const std::string most = std::to_string(function.arguments.size());
            const std::string wants =
                function.least == function.arguments.size() ? most : std::to_string(function.least) + " to " + most;
            refuse(t.column, "`$" + t.word + "` takes " + wants + (most == "1" ? " value" : " values") +
                                 " in its parentheses, not " + std::to_string(kids.size()));
            return;
        }
        for (std::size_t i = 0; i < kids.size(); ++i) {
            const kind got = static_kind(kids[i]);
            if (!accepts(function.arguments[i], got))
                refuse(made_->nodes[kids[i]].column, "`$" + t.word + "` takes " +
                                                         std::string(argument_name(function.arguments[i])) +
                                                         " here, not " + std::string(kind_name(got)));
        }
    }

    const scope& scope_;
    std::shared_ptr<program> made_;
    std::vector<std::map<std::string, std::uint32_t, std::less<>>> frames_;
    std::optional<complaint> mistake_;
};

} // namespace

std::variant<program_ptr, complaint> compile(std::string_view source, const scope& names) {
    auto parsed = parse(source);
    if (const auto* mistake = std::get_if<complaint>(&parsed)) return *mistake;
    return compiler(names).run(*std::get<tree_ptr>(parsed));
}

} // namespace mapper::expression
