#include "mapper/expression/value.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <unordered_map>

namespace mapper::expression {

namespace {

constexpr std::size_t block_bytes = 16 * 1024;
constexpr std::size_t kept_bytes_max = 256 * 1024; ///< more than this is given back to the system at reset

/// Value of a name that JavaScript treats as an array index, or -1.
std::int64_t array_index(std::string_view name) noexcept {
    if (name.empty() || name.size() > 10 || (name[0] == '0' && name.size() > 1)) return -1;
    std::int64_t index = 0;
    for (const char c : name) {
        if (c < '0' || c > '9') return -1;
        index = index * 10 + (c - '0');
    }
    return index < 4'294'967'295 ? index : -1;
}

} // namespace

std::string_view kind_name(kind of) noexcept {
    switch (of) {
    case kind::nothing: return "nothing";
    case kind::null: return "null";
    case kind::boolean: return "true/false";
    case kind::number: return "a number";
    case kind::text: return "text";
    case kind::array: return "a list";
    case kind::object: return "an object";
    }
    return "";
}

void* arena::take(std::size_t bytes, std::size_t alignment) {
    used_ += bytes;
    while (true) {
        if (block_ < blocks_.size()) {
            const std::size_t from = (at_ + alignment - 1) & ~(alignment - 1);
            if (from + bytes <= blocks_[block_].size) {
                at_ = from + bytes;
                return blocks_[block_].bytes.get() + from;
            }
            if (block_ + 1 < blocks_.size()) {
                ++block_;
                at_ = 0;
                continue;
            }
        }
        const std::size_t size = std::max(block_bytes, bytes + alignment);
        blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
        block_ = blocks_.size() - 1;
        at_ = 0;
    }
}

std::string_view arena::keep(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* copy = take_text(text.size());
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

void arena::reset() noexcept {
    if (used_ > kept_bytes_max) blocks_.clear();
    block_ = 0;
    at_ = 0;
    used_ = 0;
}

void array_node::push(arena& memory, const value& item) {
    if (count == capacity) {
        const std::uint32_t grown = capacity == 0 ? 4 : capacity * 2;
        auto* moved = static_cast<value*>(memory.take(grown * sizeof(value), alignof(value)));
        std::uninitialized_copy_n(items, count, moved);
        items = moved;
        capacity = grown;
    }
    new (items + count++) value(item);
}

void object_node::append(arena& memory, std::string_view name, const value& of) {
    if (count == capacity) {
        const std::uint32_t grown = capacity == 0 ? 4 : capacity * 2;
        auto* moved = static_cast<member*>(memory.take(grown * sizeof(member), alignof(member)));
        std::uninitialized_copy_n(members, count, moved);
        members = moved;
        capacity = grown;
    }
    new (members + count++) member{name, of};
}

void object_node::set(arena& memory, std::string_view name, const value& of) {
    for (std::uint32_t i = 0; i < count; ++i)
        if (members[i].name == name) {
            members[i].of = of;
            return;
        }
    append(memory, name, of);
}

value value::boolean(bool flag) noexcept {
    value made(kind::boolean);
    made.flag_ = flag;
    return made;
}
value value::number(double of) noexcept {
    value made(kind::number);
    made.number_ = of;
    return made;
}
value value::text(std::string_view of) noexcept {
    value made(kind::text);
    made.text_ = of.data() == nullptr ? "" : of.data();
    made.size_ = static_cast<std::uint32_t>(of.size());
    return made;
}
value value::array(array_node* of) noexcept {
    value made(kind::array);
    made.array_ = of;
    return made;
}
value value::object(object_node* of) noexcept {
    value made(kind::object);
    made.object_ = of;
    return made;
}

value value::from(const simdjson::dom::element& of) noexcept {
    using simdjson::dom::element_type;
    switch (of.type()) {
    case element_type::INT64: return number(static_cast<double>(of.get_int64().value_unsafe()));
    case element_type::UINT64: return number(static_cast<double>(of.get_uint64().value_unsafe()));
    case element_type::DOUBLE: return number(of.get_double().value_unsafe());
    case element_type::STRING: return text(of.get_string().value_unsafe());
    case element_type::BOOL: return boolean(of.get_bool().value_unsafe());
    case element_type::NULL_VALUE: return null();
    case element_type::ARRAY:
    case element_type::OBJECT: break;
    }
    value made(of.type() == element_type::ARRAY ? kind::array : kind::object);
    made.parsed_ = true;
    made.element_ = std::bit_cast<std::array<std::uint64_t, 2>>(of);
    return made;
}

value value::field(std::string_view name) const noexcept {
    if (kind_ != kind::object) return {};
    if (!parsed_) {
        for (std::uint32_t i = 0; i < object_->count; ++i)
            if (object_->members[i].name == name) return object_->members[i].of;
        return {};
    }
    const auto object = element().get_object().value_unsafe();
    const auto end = object.end();
    auto found = end;
    for (auto at = object.begin(); at != end; ++at)
        if (at.key_equals(name)) found = at;
    return found != end ? from(found.value()) : value{};
}

std::size_t value::size() const noexcept {
    if (kind_ == kind::array) return parsed_ ? element().get_array().value_unsafe().size() : array_->count;
    if (kind_ == kind::object) return parsed_ ? element().get_object().value_unsafe().size() : object_->count;
    return 0;
}

std::vector<member> ordered_members(const value& object) {
    std::vector<member> out;
    if (!object.is(kind::object)) return out;
    if (const auto* made = object.made_object(); made != nullptr) {
        out.assign(made->members, made->members + made->count);
    } else {
        const auto parsed = object.element().get_object().value_unsafe();
        std::unordered_map<std::string_view, std::size_t> places;
        const bool many = parsed.size() > 16;
        for (const auto pair : parsed) {
            std::size_t place = out.size();
            if (many) {
                place = places.emplace(pair.key, out.size()).first->second;
            } else {
                for (std::size_t i = 0; i < out.size(); ++i)
                    if (out[i].name == pair.key) place = i;
            }
            if (place == out.size())
                out.push_back({pair.key, value::from(pair.value)});
            else
                out[place].of = value::from(pair.value);
        }
    }
    const auto indexed =
        std::find_if(out.begin(), out.end(), [](const member& one) { return array_index(one.name) >= 0; });
    if (indexed == out.end()) return out;
    std::vector<member> ordered;
    for (const auto& one : out)
        if (array_index(one.name) >= 0) ordered.push_back(one);
    std::sort(ordered.begin(), ordered.end(),
              [](const member& a, const member& b) { return array_index(a.name) < array_index(b.name); });
    for (const auto& one : out)
        if (array_index(one.name) < 0) ordered.push_back(one);
    return ordered;
}

array_node* make_array(arena& memory, bool sequence) {
    auto* made = new (memory.take(sizeof(array_node), alignof(array_node))) array_node;
    made->sequence = sequence;
    return made;
}

object_node* make_object(arena& memory) {
    return new (memory.take(sizeof(object_node), alignof(object_node))) object_node;
}

} // namespace mapper::expression
