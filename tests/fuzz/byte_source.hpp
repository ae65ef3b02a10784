// A fuzzer's input, taken byte by byte; zeros when it is used up, so that every input is a whole script.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fuzzing {

class byte_source {
  public:
    byte_source(const std::uint8_t* data, std::size_t size) noexcept : next_(data), left_(size) {}

    bool empty() const noexcept { return left_ == 0; }
    std::uint8_t u8() noexcept {
        if (left_ == 0) return 0;
        --left_;
        return *next_++;
    }
    std::string_view bytes(std::size_t count) noexcept {
        count = std::min(count, left_);
        const std::string_view taken(reinterpret_cast<const char*>(next_), count);
        next_ += count;
        left_ -= count;
        return taken;
    }

  private:
    const std::uint8_t* next_;
    std::size_t left_;
};

} // namespace fuzzing
