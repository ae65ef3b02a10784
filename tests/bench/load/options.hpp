// Command line of mqtt-load: plain data, checked once, read by every mode.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

enum class run_mode { load, idle, checker, sink, connects, storm, neighbour };

/// What the sink does wrong with every thousandth message, or (deny) every tenth CONNECT, so that the checks can be
/// checked.
enum class sink_fault { none, drop, repeat, swap, foreign, deny };

/// What a bad neighbour does (README.md).
enum class misbehaviour { deaf, flood, drip_connect, drip_publish };

struct options {
    run_mode mode = run_mode::load;
    std::string host = "127.0.0.1";
    std::uint16_t port = 2883;
    std::string user;
    std::string password;
    std::string client_prefix = "load";
    std::string topic_prefix = "bench";
    bool tls = false; ///< Encrypts without checking the certificate: this measures, it protects nothing.

    unsigned publishers = 1;
    unsigned subscribers = 1;
    unsigned topics = 1;
    unsigned qos = 1;
    unsigned payload_bytes = 200;
    unsigned inflight = 100;    ///< Unacknowledged publishes per publisher (QoS 1).
    unsigned window = 0;        ///< Published but undelivered messages per publisher; 0: no bound.
    double rate = 0;            ///< Offered messages/s over all publishers; 0: as fast as the windows allow.
    std::uint64_t messages = 0; ///< Stop after so many over all publishers; 0: after `seconds`.
    double seconds = 10;
    double warmup_s = 2;
    double drain_s = 10;
    double connect_timeout_s = 10;
    bool json = false; ///< Payload is a JSON object, for the mapper; needs `subscribers` 0.

    unsigned idle = 0;             ///< Connections held in idle mode.
    unsigned storm = 0;            ///< Clients of a storm.
    double connects = 0;           ///< Connections/s; 0: as fast as they are let in.
    unsigned keep = 0;             ///< Connections that stay open behind the newest, in connects mode.
    unsigned pending = 0;          ///< Clients on their way in at a time; 0: what suits the mode.
    unsigned source_addresses = 1; ///< 127.0.0.1 and the next ones, in turn.
    bool tls_resume = false;
    misbehaviour neighbour = misbehaviour::flood;
    unsigned neighbours = 1;
    std::string ack_log; ///< Checker: file of acknowledged ranges.
    sink_fault fault = sink_fault::none;
};

struct parsed_options {
    options value;
    std::string problem; ///< Empty when `value` is good.
    bool help = false;
};

parsed_options parse_options(int count, char** arguments);
const char* usage() noexcept;

} // namespace bench
