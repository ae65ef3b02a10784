#include "common/auth/revocation.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <memory>
#include <vector>

namespace auth {
namespace {

struct bio_delete {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct crl_delete {
    void operator()(X509_CRL* crl) const noexcept { X509_CRL_free(crl); }
};
using crl_ptr = std::unique_ptr<X509_CRL, crl_delete>;

std::string key_of(const certificate_number& number) { return std::to_string(number.issuer) + ":" + number.serial; }

core::result<std::vector<crl_ptr>> parse(std::string_view bytes) {
    std::vector<crl_ptr> found;
    if (bytes.empty() || bytes.size() > INT_MAX) return errc::bad_revocation_list;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* end = at + bytes.size();
    if (crl_ptr one{d2i_X509_CRL(nullptr, &at, static_cast<long>(bytes.size()))}; one && at == end) {
        found.push_back(std::move(one));
        return found;
    }
    ERR_clear_error();
    const std::unique_ptr<BIO, bio_delete> source(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
    if (!source) return errc::crypto_failed;
    while (crl_ptr one{PEM_read_bio_X509_CRL(source.get(), nullptr, nullptr, nullptr)}) found.push_back(std::move(one));
    // The end of the text is told by this reason; anything else is a block that could not be read.
    const auto last = ERR_peek_last_error();
    ERR_clear_error();
    if (found.empty() || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return errc::bad_revocation_list;
    return found;
}

} // namespace

bool revocation_list::add_serial(std::string_view hex) {
    auto serial = serial_from_hex(hex);
    if (serial.empty()) return false;
    serials_.insert(std::move(serial));
    return true;
}

core::result<std::size_t> revocation_list::add_crl(std::string_view bytes, revocation_scope scope) {
    const auto lists = parse(bytes);
    if (!lists) return lists.error();
    std::size_t count = 0;
    for (const auto& list : *lists) {
        certificate_number number;
        number.issuer =
            static_cast<std::uint32_t>(X509_NAME_hash_ex(X509_CRL_get_issuer(list.get()), nullptr, nullptr, nullptr));
        STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.get());
        for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i, ++count) {
            number.serial = serial_text(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i)));
            if (scope == revocation_scope::tenant)
                serials_.insert(number.serial);
            else
                numbers_.insert(key_of(number));
        }
    }
    return count;
}

void revocation_list::add(const revocation_list& other) {
    serials_.insert(other.serials_.begin(), other.serials_.end());
    numbers_.insert(other.numbers_.begin(), other.numbers_.end());
}

bool revocation_list::contains(const certificate_number& number) const {
    if (!serials_.empty() && serials_.contains(number.serial)) return true;
    return !numbers_.empty() && numbers_.contains(key_of(number));
}

} // namespace auth
