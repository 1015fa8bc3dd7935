/// w² / Σ of the squares in its tensor that are not smaller: comparable between tensors of different width
/// (LAMP; Lee et al. 2021, equation 3).
package struct LAMPImportance: ElementImportance {
    package static let name = "lamp"

    package init() {}

    package func scores(of weight: MaskedWeight) -> [Float]? {
        var scores = weight.magnitudesInUse
        let order = scores.indices.filter { scores[$0] >= 0 }.sorted {
            scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 > $1
        }
        var sum = 0.0
        for index in order {
            let square = Double(scores[index]) * Double(scores[index])
            sum += square
            scores[index] = sum > 0 ? Float(square / sum) : 0
        }
        return scores
    }
}
