// What the hub talks to in a run: sinks, publishers, the holder of claims.
#pragma once

#include "tests/property/messaging/hub_run.hpp"

namespace property {

inline std::string tenant_name(std::size_t number) { return "t" + std::to_string(number); }
inline constexpr std::uint64_t claims_session = 1'000;
/// The number a record's payload begins with; 0: none.
std::uint64_t message_id(core::byte_span record);

class hub_run::sink final : public messaging::topic::delivery_sink {
  public:
    sink(hub_run& run, std::size_t number) : index(number), run_(run) {}
    bool ready() const noexcept override { return open; }
    void deliver(const std::vector<std::uint32_t>& streams, const messaging::topic::topic& from, std::uint64_t position,
                 std::uint8_t delivery_count, core::byte_span record) override {
        for (const auto stream : streams) run_.on_delivered(stream, from, position, delivery_count, record);
    }
    void ended(std::uint32_t stream, msg_link::reason, std::string_view) override { ends.insert(stream); }

    std::size_t index;
    bool open = true;
    std::set<std::uint32_t> ends; ///< streams we were told the end of

  private:
    hub_run& run_;
};

class hub_run::source final : public messaging::topic::publish_source {
  public:
    source(hub_run& run, std::size_t number) : index(number), run_(run) {}
    std::uint64_t session_number() const noexcept override { return 1 + index; }
    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override {
        run_.on_settled(*this, up_to, runs);
    }

    std::size_t index;
    std::uint64_t told = 0;
    std::map<std::uint64_t, std::uint64_t> sent;        ///< sequence -> message
    std::map<std::uint64_t, msg_link::reason> refusals; ///< expected ones

  private:
    hub_run& run_;
};

class hub_run::claims final : public messaging::topic::claim_holder {
  public:
    explicit claims(hub_run& run) : run_(run) {}
    void on_claimed(std::uint64_t number, std::uint64_t claim, msg_link::reason why) override {
        const auto found = asked.find(number);
        if (found == asked.end()) return run_.complain("a claim nobody asked for");
        auto& one = run_.claims_by_client_.at(found->second);
        asked.erase(found);
        if (why == msg_link::reason::ok)
            one.number = claim;
        else if (why == msg_link::reason::store_failed && run_.may_refuse_)
            one.present.set(run_.version(), false);
        else
            run_.complain("a claim was refused");
    }
    void on_evicted(std::uint64_t, msg_link::reason) override { run_.complain("a claim was evicted"); }

    std::uint64_t sequence = 0;
    std::map<std::uint64_t, std::string> asked;
    std::map<std::uint64_t, std::pair<std::string, std::string>> wills; ///< topic and record
    std::map<std::uint64_t, std::string> published;                     ///< and their clients

  private:
    hub_run& run_;
};

} // namespace property
