// Is the program alive, and may it be given work? Parts report why not; nobody reporting means ready. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ops {

class health {
  public:
    /// `part` is not ready, and why, in words for an operator; again replaces the reason.
    void not_ready(std::string part, std::string reason);
    void ready(std::string_view part);
    /// Broken beyond repair without a restart: liveness fails from now on.
    void failed(std::string reason);

    bool is_live() const noexcept { return failure_.empty(); }
    bool is_ready() const noexcept { return is_live() && parts_.empty(); }

    /// `{"status":"UP","reasons":[]}` or `{"status":"DOWN","reasons":["link: not connected"]}`.
    std::string live_json() const;
    std::string ready_json() const;

  private:
    std::map<std::string, std::string, std::less<>> parts_;
    std::string failure_;
};

} // namespace ops
