#include "messaging/admin/walk.hpp"

namespace messaging::admin {

asio::awaitable<void> next_turn() {
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
}

asio::awaitable<std::vector<row>> take_page(row_sorter& rows, list_query query) {
    rows.finish();
    std::vector<row> page;
    row one;
    for (std::size_t at = 0; at < query.first() + query.page_size; ++at) {
        if (!rows.next(one)) break;
        if (at >= query.first()) page.push_back(std::move(one));
        if (at % slice_looks == slice_looks - 1) co_await next_turn();
    }
    co_return page;
}

} // namespace messaging::admin
