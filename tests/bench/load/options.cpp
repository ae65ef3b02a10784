#include "tests/bench/load/options.hpp"

#include "tests/bench/load/payload.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace bench {
namespace {

constexpr unsigned source_addresses_max = 250;

template <class Number> bool read_number(std::string_view text, Number& into) {
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, into);
    return error == std::errc{} && stopped == end && !(into < Number{});
}

bool read_fault(std::string_view text, sink_fault& into) {
    if (text == "none")
        into = sink_fault::none;
    else if (text == "drop")
        into = sink_fault::drop;
    else if (text == "repeat")
        into = sink_fault::repeat;
    else if (text == "swap")
        into = sink_fault::swap;
    else if (text == "foreign")
        into = sink_fault::foreign;
    else if (text == "deny")
        into = sink_fault::deny;
    else
        return false;
    return true;
}

bool read_neighbour(std::string_view text, options& into) {
    into.mode = run_mode::neighbour;
    if (text == "deaf")
        into.neighbour = misbehaviour::deaf;
    else if (text == "flood")
        into.neighbour = misbehaviour::flood;
    else if (text == "drip-connect")
        into.neighbour = misbehaviour::drip_connect;
    else if (text == "drip-publish")
        into.neighbour = misbehaviour::drip_publish;
    else
        return false;
    return true;
}

bool read_connects(std::string_view text, options& into) {
    into.mode = run_mode::connects;
    into.connects = 0;
    return text == "max" || (read_number(text, into.connects) && into.connects > 0);
}

bool read_flag(std::string_view name, options& into) {
    if (name == "--tls")
        into.tls = true;
    else if (name == "--tls-resume")
        into.tls = into.tls_resume = true;
    else if (name == "--json")
        into.json = true;
    else if (name == "--fanout")
        into.topics = 1;
    else if (name == "--checker")
        into.mode = run_mode::checker;
    else if (name == "--sink")
        into.mode = run_mode::sink;
    else
        return false;
    return true;
}

bool read_text(std::string_view name, std::string_view value, options& into) {
    if (name == "--host")
        into.host = value;
    else if (name == "--user")
        into.user = value;
    else if (name == "--password")
        into.password = value;
    else if (name == "--client-prefix")
        into.client_prefix = value;
    else if (name == "--topic-prefix")
        into.topic_prefix = value;
    else if (name == "--ack-log")
        into.ack_log = value;
    else
        return false;
    return true;
}

/// Empty when the option is known and its value good; otherwise the complaint.
std::string read_value(std::string_view name, std::string_view value, options& into) {
    if (read_text(name, value, into)) return {};
    bool good = false;
    if (name == "--port")
        good = read_number(value, into.port);
    else if (name == "--publishers")
        good = read_number(value, into.publishers);
    else if (name == "--subscribers")
        good = read_number(value, into.subscribers);
    else if (name == "--topics")
        good = read_number(value, into.topics);
    else if (name == "--qos")
        good = read_number(value, into.qos);
    else if (name == "--payload")
        good = read_number(value, into.payload_bytes);
    else if (name == "--inflight")
        good = read_number(value, into.inflight);
    else if (name == "--window")
        good = read_number(value, into.window);
    else if (name == "--rate")
        good = read_number(value, into.rate);
    else if (name == "--messages")
        good = read_number(value, into.messages);
    else if (name == "--seconds")
        good = read_number(value, into.seconds);
    else if (name == "--warmup")
        good = read_number(value, into.warmup_s);
    else if (name == "--drain")
        good = read_number(value, into.drain_s);
    else if (name == "--connect-timeout")
        good = read_number(value, into.connect_timeout_s);
    else if (name == "--sink-fault")
        good = read_fault(value, into.fault);
    else if (name == "--connects")
        good = read_connects(value, into);
    else if (name == "--neighbour")
        good = read_neighbour(value, into);
    else if (name == "--keep")
        good = read_number(value, into.keep);
    else if (name == "--pending")
        good = read_number(value, into.pending);
    else if (name == "--neighbours")
        good = read_number(value, into.neighbours);
    else if (name == "--source-addresses")
        good = read_number(value, into.source_addresses);
    else if (name == "--idle") {
        into.mode = run_mode::idle;
        good = read_number(value, into.idle);
    } else if (name == "--storm") {
        into.mode = run_mode::storm;
        good = read_number(value, into.storm);
    } else
        return "unknown option " + std::string(name);
    return good ? std::string{} : std::string(name) + " does not take '" + std::string(value) + "'";
}

std::string check_arrivals(const options& given) {
    if (given.mode == run_mode::storm && given.storm == 0) return "--storm needs at least one client";
    if (given.qos > 1) return "--qos is 0 or 1";
    if (given.source_addresses == 0 || given.source_addresses > source_addresses_max)
        return "--source-addresses is 1 to 250";
    return {};
}

std::string check(const options& given) {
    if (given.mode == run_mode::connects || given.mode == run_mode::storm) return check_arrivals(given);
    if (given.mode == run_mode::idle) return given.idle > 0 ? "" : "--idle needs at least one connection";
    if (given.mode == run_mode::sink) return {};
    if (given.qos > 1) return "--qos is 0 or 1";
    if (given.mode == run_mode::neighbour && given.neighbours == 0) return "--neighbours needs at least 1";
    if (given.mode == run_mode::neighbour && given.neighbour == misbehaviour::drip_connect && given.tls)
        return "--neighbour drip-connect is for the plain port";
    if (given.publishers == 0 || given.topics == 0) return "--publishers and --topics need at least 1";
    if (given.inflight == 0 || given.inflight > inflight_max) return "--inflight is 1 to 30000";
    if (given.window > 0 && given.subscribers == 0) return "--window needs subscribers";
    if (given.json && given.subscribers > 0) return "--json payloads are not verified: use it with --subscribers 0";
    if (!given.json && given.payload_bytes < stamp_bytes) return "--payload needs at least 24 bytes";
    if (given.json && given.payload_bytes < json_bytes_min) return "--payload needs at least 128 bytes with --json";
    if (given.payload_bytes > payload_bytes_max) return "--payload is at most 16000000 bytes";
    if (given.mode == run_mode::checker && given.ack_log.empty()) return "--checker needs --ack-log FILE";
    if (given.mode == run_mode::checker && (given.qos != 1 || given.rate <= 0))
        return "--checker needs --qos 1 and --rate";
    return {};
}

/// A storm holds nobody back; who tests how fast clients are let in keeps few waiting; who offers a rate waits for
/// many.
unsigned pending_of(const options& given) {
    if (given.mode == run_mode::storm) return given.storm;
    return given.connects > 0 ? 4'000 : 64;
}

} // namespace

parsed_options parse_options(int count, char** arguments) {
    parsed_options out;
    for (int i = 1; i < count && out.problem.empty(); ++i) {
        const std::string_view name = arguments[i];
        if (name == "--help" || name == "-h") {
            out.help = true;
            return out;
        }
        if (read_flag(name, out.value)) continue;
        if (i + 1 == count)
            out.problem = std::string(name) + " is unknown or needs a value";
        else
            out.problem = read_value(name, arguments[++i], out.value);
    }
    if (out.problem.empty()) out.problem = check(out.value);
    if (out.value.pending == 0) out.value.pending = pending_of(out.value);
    return out;
}

const char* usage() noexcept {
    return "mqtt-load [options]           publish and subscribe, verify, print one JSON object\n"
           "mqtt-load --idle N            hold N connections with one subscription each until standard input ends\n"
           "mqtt-load --checker ...       publish QoS 1 through reconnects, write acknowledged ranges to --ack-log\n"
           "mqtt-load --connects RATE|max clients that connect, are verified and leave; the --keep N newest stay open\n"
           "mqtt-load --storm N           N clients at once, one subscription each, with retries (at most --seconds);\n"
           "                              then held until standard input ends\n"
           "mqtt-load --neighbour deaf|flood|drip-connect|drip-publish    misbehaves until standard input ends\n"
           "mqtt-load --sink --port P     smallest possible in-memory peer, to calibrate the generator itself\n"
           "                              (--sink-fault drop|repeat|swap|foreign: wrong with every 1000th message;\n"
           "                              deny: refuses every tenth CONNECT)\n"
           "\n"
           "  --host H --port P --user U --password W --tls --client-prefix X --topic-prefix X --connect-timeout S\n"
           "  --tls-resume   use the last session ticket (else every handshake is a full one)\n"
           "  --pending N    clients on their way in at a time\n"
           "  --source-addresses N   connect from 127.0.0.1 and the next ones in turn: one has 28,000 ports\n"
           "  --neighbours N how many bad neighbours of that kind\n"
           "  --publishers N --subscribers M --topics T --fanout (all on one topic) --qos 0|1 --payload BYTES --json\n"
           "  --inflight W   unacknowledged publishes per publisher\n"
           "  --window E     published but undelivered messages per publisher, 0 = no bound\n"
           "  --rate R       offered messages/s over all publishers; latency then counts from the intended time\n"
           "  --messages C   stop after C messages instead of --seconds\n"
           "  --seconds S --warmup S --drain S   measured time, time before it, longest wait for the rest after it\n";
}

} // namespace bench
