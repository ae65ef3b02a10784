// Errors as values: core::result<T> carries Asio's own error_code. A module declares its errors as an enum class `errc`
// with one category built by `core::enum_category`; see any `*_error` file for the pattern. No threads, no allocation.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace core {

using error_code = boost::system::error_code;

template <class T> using result = boost::system::result<T>;

// Boost's base has a protected, non-virtual destructor on purpose; categories are never deleted through it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
/// A category over one enum; `describe(int)` returns one sentence for a person who can act on it.
class enum_category final : public boost::system::error_category {
  public:
    using describe_function = std::string_view (*)(int);
    constexpr enum_category(const char* name, describe_function describe) noexcept : name_(name), describe_(describe) {}
    const char* name() const noexcept override { return name_; }
    std::string message(int value) const override { return std::string(describe_(value)); }

  private:
    const char* name_;
    describe_function describe_;
};
#pragma GCC diagnostic pop

} // namespace core
