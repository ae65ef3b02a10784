// The provider of a stand-alone start: tenants.yaml (tenants_file.hpp), passwords checked on a worker thread of its
// own. Used by broker, messaging and the platform stand-in. All calls on the loop's thread.
#pragma once

#include "common/auth/provider.hpp"
#include "common/auth/tenants_file.hpp"
#include "common/auth/worker.hpp"

#include <memory>
#include <string>

namespace auth {

class file_provider final : public provider {
  public:
    struct options {
        std::size_t waiting_max = 1000; ///< logins that wait for the worker; the next is answered busy
        trust_reading trust = trust_reading::included;
    };

    /// Null when the file has mistakes: then `complaints` says all of them, one a line.
    static std::unique_ptr<file_provider> open(std::string path, post_function post, std::string& complaints,
                                               options with);
    static std::unique_ptr<file_provider> open(std::string path, post_function post, std::string& complaints) {
        return open(std::move(path), std::move(post), complaints, options{});
    }

    /// An unknown user costs the same time as a wrong password. A check that has begun goes by the file it began with.
    void verify(credentials with, verify_callback done) override;

    /// Reads the file again. With mistakes everything stays as it was and they are returned; empty is success. The
    /// listener is called after success: caches forget, sessions of removed anchors may be ended.
    std::string reload();
    /// The same without holding up the loop: the file of 10,000 tenants takes a second. `done` is called on the loop
    /// with the complaints. Asked for while one is under way it is read once more afterwards.
    void reload(std::function<void(std::string complaints)> done);
    void on_reload(std::function<void()> listener) { listener_ = std::move(listener); }

    /// For whoever watches them: all files that the last load looked at. After one with mistakes the file that will
    /// mend them is among these, not among the directory's.
    const std::vector<std::string>& files() const noexcept { return files_; }

    /// Tenants, profiles and trust anchors as last loaded; what is returned stays valid over a reload.
    std::shared_ptr<const tenant_directory> directory() const noexcept { return directory_; }

  private:
    file_provider(std::string path, post_function post, loaded_tenants loaded, options with);

    std::string take(loaded_tenants loaded);

    std::string path_;
    trust_reading trust_;
    post_function post_;
    std::shared_ptr<const tenant_directory> directory_;
    std::vector<std::string> files_;
    std::function<void()> listener_;
    bool loading_ = false;
    std::function<void(std::string)> again_;                ///< asked for while loading
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); ///< a file may be read when we are gone
    worker worker_;
    worker loader_; ///< not the other one: logins go on while a file is read, and what it replaces is freed
};

} // namespace auth
