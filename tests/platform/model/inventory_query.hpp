// The part of the inventory query language the stand-in understands (ref D.2): `eq`, `ne`, `gt`, `ge`, `lt`, `le` on
// dotted paths, texts with `*`, numbers, `has(f)`, `and`, `or`, `not`, parentheses, with or without `$filter=`.
// `$orderby` and the other functions are refused by name, so that nobody tests against an order that is not there.
#pragma once

#include "tests/platform/model/json.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace platform_sim::model {

class inventory_query {
  public:
    struct node;

    /// Empty `problem()` means the query is usable.
    explicit inventory_query(std::string_view text);
    ~inventory_query();
    inventory_query(const inventory_query&) = delete;
    inventory_query& operator=(const inventory_query&) = delete;

    const std::string& problem() const noexcept { return problem_; }
    /// Precondition: no problem.
    bool matches(const json::object& fields) const;

  private:
    std::unique_ptr<node> root_;
    std::string problem_;
};

} // namespace platform_sim::model
