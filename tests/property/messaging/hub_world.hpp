// A hub over the store in memory, driven by hand: what the store's threads post runs only when the run says so.
#pragma once

#include "messaging/topic/hub.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/store_fixture.hpp"

#include <memory>

namespace property {

class hub_world {
  public:
    ~hub_world() { end(false); }

    messaging::topic::limits limits;
    messaging::store::log_options options;
    support::manual_clock clock;
    support::faulty_file_system files;
    std::unique_ptr<messaging::topic::hub> hub;

    core::error_code open();
    /// Ends the process: with `clean` as a service stops, else as SIGKILL does.
    void end(bool clean);
    /// Runs until nothing is on its way to or from the disk. False when that takes longer than ten seconds.
    bool quiet();
    void run_ready() { loop_->run_ready(); }

  private:
    std::unique_ptr<support::hand_loop> loop_;
};

} // namespace property
