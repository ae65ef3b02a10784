// Lets Catch2 show a core::result of any type: Boost's own operator<< claims to print all of them, but compiles only
// for those whose value can be printed.
#pragma once

#include "common/core/error.hpp"

#include <catch2/catch.hpp>

namespace Catch {

template <class T> struct StringMaker<boost::system::result<T>> {
    static std::string convert(const boost::system::result<T>& result) {
        return result.has_value() ? "a value" : "error: " + result.error().message();
    }
};

} // namespace Catch
