#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif
import Testing
import WinnowTensor

struct UnnamedFileTests {
    @Test func theyHaveNoNameAndAreKeptWhileOpen() {
        let descriptor = UnnamedFile.opened()
        defer { close(descriptor) }
        var status = stat()
        #expect(descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_nlink == 0)
    }

    @Test func errorsTellWhichFolderToGive() {
        let error = UnnamedFile.failure(ENOSPC)
        #expect(error.subject == UnnamedFile.folder && error.problem.hasSuffix("no space left on device") && error.remedy.hasPrefix("set TMPDIR"))
    }
}
