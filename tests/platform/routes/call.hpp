// One authenticated request on its way through a route, and the answers every route gives alike: the platform's error
// body, empty bodies without Accept, Location, paging (ref D.1).
#pragma once

#include "common/net/http.hpp"
#include "tests/platform/model/accounts.hpp"
#include "tests/platform/model/faults.hpp"
#include "tests/platform/model/features.hpp"
#include "tests/platform/model/refusal.hpp"
#include "tests/platform/model/registration.hpp"
#include "tests/platform/model/tenant.hpp"
#include "tests/platform/model/token.hpp"
#include "tests/platform/model/trust.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace platform_sim::routes {

namespace json = model::json;
using model::refusal;
using net::http_request;
using net::http_response;

/// All there is, owned by `platform`.
struct world {
    world(const core::clock& c, model::account_book users, model::store_limits with, std::uint64_t seed)
        : clock(c), accounts(std::move(users)), limits(with), faults(seed) {}

    /// Made on first use.
    model::tenant& tenant(const std::string& name);
    /// One that has a user, or that was used.
    bool knows_tenant(const std::string& name) const { return tenants.contains(name) || accounts.has_tenant(name); }
    /// Everything but users, faults and keys.
    void forget();

    const core::clock& clock;
    model::account_book accounts;
    model::store_limits limits;
    model::fault_plan faults;
    model::token_book tokens;
    model::trust_book trust;
    model::revocation_signer revocations;
    model::registration_book registrations;
    model::feature_book features;
    std::map<std::string, std::unique_ptr<model::tenant>> tenants;
    model::measurement_reader reader; ///< its buffers are used again
};

struct call {
    world& all;
    const http_request& http;
    model::tenant& of;
    const model::account& who;
    std::vector<std::string> captured; ///< the `{…}` of the pattern, decoded
    bool owner_only = false;           ///< none of the route's roles: only what `who` owns
    std::string base;                  ///< `http://host:port`

    std::int64_t now_ms() const { return all.clock.wall_ms(); }
    /// Owner rule of the tables in ref D.
    bool may_touch(const model::managed_object* object) const {
        return !owner_only || (object != nullptr && object->owner() == who.name);
    }
    bool may_touch(std::uint64_t object) const { return !owner_only || may_touch(of.objects.find(object)); }
};

using handler = http_response (*)(call&);

struct route {
    std::string_view method;
    std::string_view pattern; ///< `/alarm/alarms/{id}`; the first that fits wins
    handler serve;
    std::vector<std::string_view> roles; ///< any of them; empty: every user
    bool owner = false;                  ///< without a role: allowed for what the user owns
};

std::span<const route> account_routes();
std::span<const route> inventory_routes();
std::span<const route> identity_routes();
std::span<const route> measurement_routes();
std::span<const route> event_routes();
std::span<const route> alarm_routes();
std::span<const route> operation_routes();
std::span<const route> notification_routes();
std::span<const route> certificate_routes();
std::span<const route> chain_routes();
std::span<const route> option_routes();
std::span<const route> feature_routes();
std::span<const route> registration_routes();

/// What PERSISTENT, TRANSIENT, QUIESCENT and CEP mean for a request (ref D.1, processing mode).
struct processing {
    bool store = true;
    bool notify = true;
};
/// Nothing for a mode that is unknown or not valid here.
std::optional<processing> read_processing(const http_request& http, bool quiescent_and_cep_allowed);

http_response refuse(const refusal& no);
http_response not_found(std::string_view resource, std::string message);
http_response forbidden();
/// 500: a Notifications 2.0 backlog is full; the change itself is stored (ref C.9).
http_response backlog_full();
http_response no_content();

/// 201 with Location; the body only when the request has Accept.
http_response created(const call& c, std::string_view media, std::string location, const json::object& body);
/// 200 of a PUT; the body only when the request has Accept.
http_response updated(const call& c, std::string_view media, const json::object& body);
http_response ok(const call& c, std::string_view media, std::string body);
/// As `answer`, but with the type application/json whatever Accept says (ref F.3).
http_response plain_json(http_response answer);
/// The body's object, or 400.
std::optional<json::object> read_body(const call& c, std::string_view resource, http_response& no);

/// Tells the notification subscriptions; false when a backlog was full.
bool notify(call& c, std::string_view api, std::string_view action, std::uint64_t source, const json::object& body);

struct time_range {
    std::optional<std::int64_t> from;
    std::optional<std::int64_t> to;
    bool holds(std::int64_t at) const { return (!from || at >= *from) && (!to || at <= *to); }
};
/// `<name>From`, `<name>To`.
std::optional<refusal> read_range(const http_request& http, const std::string& name, time_range& into);
/// Empty without the parameter.
std::vector<std::string> list_parameter(const http_request& http, std::string_view name);
bool in_list(const std::vector<std::string>& list, std::string_view item);
bool flag_parameter(const http_request& http, std::string_view name);

/// Which part of a collection is asked for, and its frame around the items.
class page {
  public:
    static std::optional<refusal> read(const http_request& http, page& into);

    /// Indexes [first, last) of `count`.
    std::size_t first(std::size_t count) const noexcept;
    std::size_t last(std::size_t count) const noexcept;
    void begin(std::string& out, const call& c, std::size_t count, std::string_view member) const;
    void end(std::string& out, std::size_t count) const;

  private:
    std::string link(const call& c, std::size_t number) const;

    std::size_t current_ = 1;
    std::size_t size_ = 5;
    bool total_pages_ = false;
    bool total_elements_ = false;
};

/// A whole collection answer; `append(out, item)` writes one.
template <class Item, class Append>
http_response paged(const call& c, std::string_view media, std::string_view member, const std::vector<Item>& found,
                    Append append) {
    page asked;
    if (const auto no = page::read(c.http, asked)) return refuse(*no);
    std::string out;
    asked.begin(out, c, found.size(), member);
    const auto from = asked.first(found.size());
    for (auto i = from; i < asked.last(found.size()); ++i) {
        if (i > from) out.push_back(',');
        append(out, found[i]);
    }
    asked.end(out, found.size());
    return ok(c, media, std::move(out));
}

/// `{"id":…,"self":…}`, with the name when the object has one.
json::object reference(const call& c, std::uint64_t object, bool with_name);
inline json::string text(std::string_view from) { return json::string(from.data(), from.size()); }

} // namespace platform_sim::routes
