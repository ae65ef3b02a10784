// A claim: the right of one link session to speak for (tenant, client ID), and the will that is due when it ends badly.
// Numbers are fencing tokens, never used twice. Owned by the hub.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace messaging::topic {

class subscription;
struct tenant;

struct will {
    std::string name_space;
    std::string name;
    std::string record;
};

struct claim {
    std::uint64_t number = 0;
    std::uint64_t session = 0;
    std::uint64_t sequence = 0; ///< of the request, to answer it again
    tenant* owner = nullptr;
    std::string client_id;
    bool fail_after_refusal = false;
    bool failed = false; ///< a publish was refused; all later ones are
    std::optional<will> due;
    subscription* subscribed = nullptr;
};

} // namespace messaging::topic
