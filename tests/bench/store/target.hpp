// What store-load drives: our messaging by its link or by the original's text API, and the stores it is compared with.
// One thread; everything throws problem with a sentence when it cannot go on.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench::store {

class problem : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct options {
    std::string mode;   ///< publish, roundtrip, backlog
    std::string target; ///< link, text, redis, nats, rabbitmq
    std::uint16_t port = 0;
    std::string secret_file;    ///< link
    std::string producer_token; ///< text
    std::string consumer_token; ///< text
    std::string tenant = "t0815";
    std::uint32_t topics = 1;
    std::uint32_t subscriptions = 1; ///< on each topic; link only
    std::uint32_t window = 100;      ///< published and not yet acknowledged (roundtrip: not yet received)
    std::uint32_t payload_bytes = 128;
    std::uint64_t messages = 1'000'000; ///< backlog
    double seconds = 10;
    double warmup = 2;
};

/// Told from inside target::turn().
class listener {
  public:
    virtual ~listener() = default;
    /// The oldest `count` publishes that were not acknowledged are durable by the promise of the target.
    virtual void on_acknowledged(std::uint64_t count) = 0;
    /// The target acknowledges it to the store after the call.
    virtual void on_delivered(std::string_view payload) = 0;
};

class target {
  public:
    virtual ~target() = default;
    /// Connected, topics and subscriptions made; with `consume` messages are delivered from now on.
    virtual void open(listener& to, bool consume) = 0;
    virtual void publish(std::uint32_t topic, std::string_view payload) = 0;
    /// Sends what was gathered and takes what came; with `wait` until something came, at most 0.1 s.
    virtual void turn(bool wait) = 0;
};

std::unique_ptr<target> make_link(const options& with);
std::unique_ptr<target> make_text(const options& with);
std::unique_ptr<target> make_redis(const options& with);
std::unique_ptr<target> make_nats(const options& with);
std::unique_ptr<target> make_rabbitmq(const options& with);

} // namespace bench::store
