// Runs programs over a payload, with a budget of steps, bytes and time for all expressions of one message together.
// Owned by a transform; one thread. Results live until begin() is called again.
#pragma once

#include "mapper/expression/program.hpp"
#include "mapper/expression/value.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mapper::expression {

struct budget {
    std::uint64_t steps_max = 200'000;
    std::size_t bytes_max = 1024 * 1024;
    std::chrono::milliseconds time_max{5};
};

/// Why an evaluation gave no result, and the column (from 1) in the expression.
struct failure {
    std::string message;
    std::uint32_t column = 1;
};

class evaluator {
  public:
    explicit evaluator(budget limits = {}) : limits_(limits) {}
    evaluator(const evaluator&) = delete;
    evaluator& operator=(const evaluator&) = delete;

    /// A new message: its budget is full again, all former results are gone. `now_ms` is what $now and $millis give.
    void begin(std::int64_t now_ms) noexcept;

    /// `slots`: what the scope's names stand for. `input`: the document of an open scope. False: see why().
    bool run(const program& what, std::span<const value> slots, const value& input, value& result);
    const failure& why() const noexcept { return failure_; }

    arena& memory() noexcept { return arena_; }
    std::int64_t now_ms() const noexcept { return now_ms_; }
    std::uint64_t steps() const noexcept { return steps_; }

    // For the built-in functions.
    value fail(std::string message);
    bool failed() const noexcept { return failed_; }
    /// Counts work; false (and failed) when the budget is used up.
    bool charge(std::uint64_t steps);
    value text(std::string_view made) { return value::text(arena_.keep(made)); }
    std::string& scratch() noexcept {
        scratch_.clear();
        return scratch_;
    }

  private:
    value eval(std::uint32_t id, const value& input);
    value eval_bare(const node& n, const value& input);
    value eval_fields(const node& n, const value& input);
    value eval_path(const node& n, const value& input);
    value eval_step(const node& n, std::uint32_t id, const value& input, bool last);
    value eval_filter(std::uint32_t predicate, const value& input);
    value eval_arithmetic(const node& n, const value& input);
    value eval_comparison(const node& n, const value& input);
    value eval_logic(const node& n, const value& input);
    value eval_within(const node& n, const value& input);
    value eval_concatenate(const node& n, const value& input);
    value eval_wildcard(const value& input);
    value eval_array(const node& n, const value& input);
    value eval_object(const node& n, const value& input);
    value eval_choice(const node& n, const value& input);
    value eval_block(const node& n, const value& input);
    value eval_call(const node& n, const value& input);
    bool check_argument(const node& n, std::size_t index, char wants, value& argument);
    void append_flat(array_node& to, const value& from);
    std::uint32_t kid(const node& n, std::uint32_t i) const noexcept { return program_->links[n.first + i]; }

    budget limits_;
    arena arena_;
    const program* program_ = nullptr;
    std::span<const value> slots_;
    value root_;
    std::vector<value> variables_;
    std::string scratch_;
    failure failure_;
    bool failed_ = false;
    std::uint32_t column_ = 1;
    std::uint64_t steps_ = 0;
    std::uint64_t next_check_ = 0;
    std::chrono::steady_clock::time_point began_;
    std::int64_t now_ms_ = 0;
};

/// JSONata's effective boolean value; `nothing` is false.
bool truth(const value& of);
bool deep_equal(evaluator& in, const value& a, const value& b);
/// As $string: texts as they are, everything else as JSON with numbers to 15 digits. False: a failure was recorded.
bool append_text(evaluator& in, std::string& out, const value& of);
/// Appends as JSON; numbers in full. Members that are `nothing` are left out.
void append_json(std::string& out, const value& of);
/// Member `name` of an object, or of every object in a list (JSONata's lookup).
value lookup(evaluator& in, const value& of, std::string_view name);
/// What the reference does to a sequence when an expression ends: none → nothing, one → the item.
value collapse(const value& of) noexcept;

} // namespace mapper::expression
