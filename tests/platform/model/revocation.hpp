// The offline revocation list of one tenant (ref F.5), and what signs it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace platform_sim::model {

/// Lower case without leading zeros; nothing for what is no serial number (1 to 40 hexadecimal digits).
std::optional<std::string> normal_serial(std::string_view hex);

class revocation_list {
  public:
    /// Entries cannot be withdrawn; `replace`: a new date counts (file upload), otherwise the first stays (body).
    void add(const std::string& normal_serial, std::int64_t since_ms, bool replace) {
        if (replace)
            since_ms_.insert_or_assign(normal_serial, since_ms);
        else
            since_ms_.try_emplace(normal_serial, since_ms);
    }
    bool holds(std::string_view normal_serial) const { return since_ms_.contains(normal_serial); }
    const std::map<std::string, std::int64_t, std::less<>>& all() const noexcept { return since_ms_; }

  private:
    std::map<std::string, std::int64_t, std::less<>> since_ms_;
};

/// Writes lists as X.509 CRLs version 2, valid for a week; one P-256 key as long as the process lives, made at the
/// first call.
class revocation_signer {
  public:
    revocation_signer();
    ~revocation_signer();

    /// DER; the issuer is `CN=<tenant>`. Empty when OpenSSL refuses.
    std::string sign(const std::string& tenant, const revocation_list& list, std::int64_t now_ms);

  private:
    struct key;
    std::unique_ptr<key> key_;
};

} // namespace platform_sim::model
