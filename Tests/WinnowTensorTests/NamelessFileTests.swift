#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif
import Testing
import WinnowTensor

struct NamelessFileTests {
    @Test func theyHaveNoNameAndAreKeptWhileOpen() {
        let descriptor = NamelessFile.opened()
        defer { close(descriptor) }
        var status = stat()
        #expect(descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_nlink == 0)
    }

    @Test func errorsTellWhichFolderToGive() {
        let error = NamelessFile.failure(ENOSPC)
        #expect(error.subject == NamelessFile.folder && error.problem.hasSuffix("no space left on device") && error.remedy.hasPrefix("set TMPDIR"))
    }
}
