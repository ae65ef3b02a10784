// Accepts on 2883 (plain) and 9883 (TLS), owns the connections, and looks after each of them once a second.
#pragma once

#include "broker/edge/client_directory.hpp"
#include "broker/edge/connection.hpp"
#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/net/acceptor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace broker::edge {

class listener final : public client_directory {
  public:
    listener(asio::any_io_executor executor, shared_parts& with);
    ~listener() override;

    /// Listens; the error is that of the address or port.
    core::result<std::uint16_t> open(net::acceptor_options options);
    void start();
    /// Stops accepting and reading; says goodbye to every client once its publishes have their PUBACKs, or `grace` is
    /// over; waits until they are gone, and after `patience` more closes what is left. All wills go on their way.
    asio::awaitable<void> stop(std::chrono::milliseconds grace, std::chrono::milliseconds patience);
    /// Trust was withdrawn from somebody, of that tenant if one is named: closes the connections that rested on it.
    /// Looks at connections with a certificate only.
    void recheck(const auth::trust_source& trust, std::string_view tenant = {});
    std::size_t connections() const noexcept { return connections_.size(); }

    client_page list(const client_query& which) const override;
    bool disconnect(std::string_view tenant, std::string_view client_id) override;

  private:
    struct door {
        explicit door(const asio::any_io_executor& executor) : slot_free(executor) {}
        std::unique_ptr<net::acceptor> at;
        async::event slot_free;
        std::uint32_t slots_used = 0; ///< handshakes under way
        bool tls = false;
    };

    asio::awaitable<void> accept_loop(door* one);
    asio::awaitable<void> serve(std::shared_ptr<connection> one, door* by);
    asio::awaitable<void> watch();
    void release_slot(connection& one);
    void look_after_some(core::steady_time now);
    void add(const std::shared_ptr<connection>& one);
    void remove(const connection& one);
    bool anybody_owes_answers() const noexcept;

    asio::any_io_executor executor_;
    shared_parts& with_;
    async::task_group tasks_;
    async::task_group served_;
    asio::steady_timer ticker_;
    async::event gone_; ///< a connection was removed
    std::vector<std::unique_ptr<door>> doors_;
    door* tls_door_ = nullptr;
    std::vector<std::shared_ptr<connection>> connections_; ///< in no order; each knows its place
    std::size_t next_ = 0;                                 ///< whose turn it is to be looked after
};

} // namespace broker::edge
