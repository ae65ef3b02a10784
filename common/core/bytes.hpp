// Big-endian reading and writing over contiguous bytes. Everything binary in this system is big-endian.
// The reader never throws and never reads past its span: after a short read `ok()` is false and all values are zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace core {

using byte_span = std::span<const std::byte>;

inline byte_span as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Unsigned> constexpr Unsigned to_big_endian(Unsigned value) noexcept {
    if constexpr (std::endian::native == std::endian::big || sizeof(Unsigned) == 1)
        return value;
    else if constexpr (sizeof(Unsigned) == 2)
        return static_cast<Unsigned>(__builtin_bswap16(value));
    else if constexpr (sizeof(Unsigned) == 4)
        return static_cast<Unsigned>(__builtin_bswap32(value));
    else
        return static_cast<Unsigned>(__builtin_bswap64(value));
}

template <class Unsigned> Unsigned load_big_endian(const void* from) noexcept {
    Unsigned value;
    std::memcpy(&value, from, sizeof value);
    return to_big_endian(value);
}

template <class Unsigned> void store_big_endian(void* to, Unsigned value) noexcept {
    value = to_big_endian(value);
    std::memcpy(to, &value, sizeof value);
}

/// Reads numbers and length-prefixed texts in order. Views returned live as long as the bytes given to it.
class byte_reader {
  public:
    explicit byte_reader(byte_span bytes) noexcept : next_(bytes.data()), left_(bytes.size()) {}

    bool ok() const noexcept { return ok_; }
    std::size_t left() const noexcept { return left_; }
    /// True when nothing failed and everything was read.
    bool done() const noexcept { return ok_ && left_ == 0; }

    std::uint8_t u8() noexcept { return number<std::uint8_t>(); }
    std::uint16_t u16() noexcept { return number<std::uint16_t>(); }
    std::uint32_t u32() noexcept { return number<std::uint32_t>(); }
    std::uint64_t u64() noexcept { return number<std::uint64_t>(); }

    byte_span bytes(std::size_t count) noexcept {
        if (count > left_) {
            fail();
            return {};
        }
        const byte_span taken{next_, count};
        next_ += count;
        left_ -= count;
        return taken;
    }
    std::string_view text(std::size_t count) noexcept { return as_text(bytes(count)); }
    std::string_view text_u16() noexcept { return text(u16()); }
    byte_span rest() noexcept { return bytes(left_); }
    void fail() noexcept {
        ok_ = false;
        left_ = 0;
    }

  private:
    template <class Unsigned> Unsigned number() noexcept {
        if (left_ < sizeof(Unsigned)) {
            fail();
            return 0;
        }
        const auto value = load_big_endian<Unsigned>(next_);
        next_ += sizeof(Unsigned);
        left_ -= sizeof(Unsigned);
        return value;
    }

    const std::byte* next_;
    std::size_t left_;
    bool ok_ = true;
};

/// Appends to a std::string that the caller owns; grows it, never shrinks it.
class byte_writer {
  public:
    explicit byte_writer(std::string& out) noexcept : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
    void u16(std::uint16_t value) { number(value); }
    void u32(std::uint32_t value) { number(value); }
    void u64(std::uint64_t value) { number(value); }
    void bytes(byte_span data) { out_.append(as_text(data)); }
    void text(std::string_view data) { out_.append(data); }
    /// Precondition: at most 65,535 bytes.
    void text_u16(std::string_view data) {
        u16(static_cast<std::uint16_t>(data.size()));
        out_.append(data);
    }
    std::size_t size() const noexcept { return out_.size(); }

  private:
    template <class Unsigned> void number(Unsigned value) {
        char raw[sizeof(Unsigned)];
        store_big_endian(raw, value);
        out_.append(raw, sizeof raw);
    }

    std::string& out_;
};

} // namespace core
