// What an expression computes with: JSON values of a parsed payload (simdjson, not copied) and values made on the way
// (in an arena that lives for one message). A value is a cheap handle: 24 bytes, freely copied, valid until the arena
// is reset or the payload's parser is used again. One thread.
#pragma once

#include <simdjson.h>

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mapper::expression {

/// `nothing` is JSONata's undefined: a path that leads nowhere. It is not `null`.
enum class kind : std::uint8_t { nothing, null, boolean, number, text, array, object };

/// "a number", "text", … for messages.
std::string_view kind_name(kind of) noexcept;

class value;

/// Memory for one message: handed out by bumping a pointer, given back all at once.
class arena {
  public:
    void* take(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));
    char* take_text(std::size_t bytes) { return static_cast<char*>(take(bytes, 1)); }
    std::string_view keep(std::string_view text);
    /// Bytes handed out since the last reset.
    std::size_t used() const noexcept { return used_; }
    void reset() noexcept;

  private:
    struct block {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size;
    };
    std::vector<block> blocks_;
    std::size_t block_ = 0;
    std::size_t at_ = 0;
    std::size_t used_ = 0;
};

/// An array made by an expression. `sequence`: a result list that collapses when it holds one item, as JSONata's do.
struct array_node {
    value* items = nullptr;
    std::uint32_t count = 0;
    std::uint32_t capacity = 0;
    bool sequence = false;
    bool constructed = false;    ///< `[…]` as a step of a path: not flattened
    bool keep_singleton = false; ///< `x[]`
    void push(arena& memory, const value& item);
};

struct member;

/// An object made by an expression; names are distinct.
struct object_node {
    member* members = nullptr;
    std::uint32_t count = 0;
    std::uint32_t capacity = 0;
    void set(arena& memory, std::string_view name, const value& of);
    void append(arena& memory, std::string_view name, const value& of);
};

class value {
  public:
    value() noexcept = default;
    static value null() noexcept { return value(kind::null); }
    static value boolean(bool flag) noexcept;
    static value number(double of) noexcept;
    /// The bytes must outlive the value; use arena::keep.
    static value text(std::string_view of) noexcept;
    static value array(array_node* of) noexcept;
    static value object(object_node* of) noexcept;
    static value from(const simdjson::dom::element& of) noexcept;

    kind type() const noexcept { return kind_; }
    bool is(kind of) const noexcept { return kind_ == of; }
    bool exists() const noexcept { return kind_ != kind::nothing; }
    bool as_boolean() const noexcept { return flag_; }
    double as_number() const noexcept { return number_; }
    std::string_view as_text() const noexcept { return {text_, size_}; }
    /// True for an array or object of the payload.
    bool parsed() const noexcept { return parsed_; }
    array_node* made_array() const noexcept { return kind_ == kind::array && !parsed_ ? array_ : nullptr; }
    object_node* made_object() const noexcept { return kind_ == kind::object && !parsed_ ? object_ : nullptr; }
    simdjson::dom::element element() const noexcept { return std::bit_cast<simdjson::dom::element>(element_); }

    /// Member `name` of an object; of two with the same name the last, as JSON.parse does. Nothing for other kinds.
    value field(std::string_view name) const noexcept;
    /// Items of an array; members of an object.
    std::size_t size() const noexcept;

  private:
    explicit value(kind of) noexcept : kind_(of), number_(0) {}
    friend struct value_layout;

    kind kind_ = kind::nothing;
    bool parsed_ = false;
    std::uint32_t size_ = 0;
    union {
        bool flag_;
        double number_ = 0;
        const char* text_;
        array_node* array_;
        object_node* object_;
        std::array<std::uint64_t, 2> element_;
    };
};

struct member {
    std::string_view name;
    value of;
};

/// Calls `each(value)` for the items of an array until it returns false.
template <class Each> void for_items(const value& array, Each&& each) {
    if (const auto* made = array.made_array(); made != nullptr) {
        for (std::uint32_t i = 0; i < made->count; ++i)
            if (!each(made->items[i])) return;
    } else if (array.is(kind::array)) {
        for (const auto item : simdjson::dom::array(array.element()))
            if (!each(value::from(item))) return;
    }
}

/// The members of an object as JavaScript orders them: names that are array indexes first, ascending; the last of
/// duplicates wins at the place of the first.
std::vector<member> ordered_members(const value& object);

/// An empty sequence or plain array in `memory`.
array_node* make_array(arena& memory, bool sequence);
object_node* make_object(arena& memory);

} // namespace mapper::expression
