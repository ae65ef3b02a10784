// Walks over what a tenant has, in slices with a turn of the loop between them, so that a list of 100,000 topics holds
// nobody up. Whoever exists during the whole walk is visited once; who comes or goes meanwhile may or may not be.
#pragma once

#include "messaging/admin/context.hpp"
#include "messaging/admin/listing.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace messaging::admin {

inline constexpr std::size_t slice_looks = 2'000;

/// Lets the others on the loop have their turn.
asio::awaitable<void> next_turn();

/// A place among the `walks_max`; `admitted` tells whether there was one.
class walk_place {
  public:
    explicit walk_place(management_context& of) : of_(of), admitted_(of.walks < of.options.walks_max) {
        if (admitted_) ++of_.walks;
    }
    ~walk_place() {
        if (admitted_) --of_.walks;
    }
    walk_place(const walk_place&) = delete;
    walk_place& operator=(const walk_place&) = delete;
    bool admitted() const noexcept { return admitted_; }

  private:
    management_context& of_;
    bool admitted_;
};

/// `begin` is called before the first entry and again when the table was rebuilt meanwhile: forget all that was seen.
/// `visit` gets each entry and returns what it cost beside one look. `Table` outlives the walk.
template <class Table>
asio::awaitable<void> walk_table(Table& table, std::function<void()> begin,
                                 std::function<std::size_t(typename Table::mapped_type::element_type&)> visit) {
    auto buckets = table.bucket_count();
    begin();
    std::size_t looks = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        ++looks;
        for (auto it = table.begin(bucket); it != table.end(bucket); ++it) looks += 1 + visit(*it->second);
        if (looks < slice_looks) continue;
        looks = 0;
        co_await next_turn();
        if (table.bucket_count() == buckets) continue;
        buckets = table.bucket_count();
        bucket = static_cast<std::size_t>(-1);
        begin();
    }
}

/// The rows of the page asked for; `rows` is finished here.
asio::awaitable<std::vector<row>> take_page(row_sorter& rows, list_query query);

} // namespace messaging::admin
