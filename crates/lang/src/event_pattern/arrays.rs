//! Whether leaves can be chosen, one for each term, of which no two lie in different elements of the same array.

use hashbrown::{HashMap, HashSet};

use super::walk::Element;

/// The elements of arrays that the leaves chosen until now lie in, in the order of the arrays' numbers.
type Chosen = Vec<Element>;

/// Whether there is such a choice. Of each term the places of its leaves are given, each from the outermost array to the innermost;
/// terms whose paths begin alike should stand side by side.
///
/// Term by term, all choices that differ in an array that still matters are kept. A leaf is only tried with choices that have its
/// outermost element, or none of that array.
pub(super) fn have_common_choice(terms: &[&[Box<[Element]>]]) -> bool {
    let mut choices: Vec<Chosen> = vec![Chosen::new()];
    for (at, term) in terms.iter().enumerate() {
        let later = terms.get(at + 1..).unwrap_or_default();
        let mattering: HashSet<u32> =
            later.iter().flat_map(|term| term.iter()).flat_map(|place| place.iter().map(|(array, _)| *array)).collect();
        // By array, the choices by their element of it.
        let mut by_element: HashMap<u32, HashMap<Option<u32>, Vec<usize>>> = HashMap::new();
        let mut next: HashSet<Chosen> = HashSet::new();
        for place in term.iter() {
            let Some((outermost, element)) = place.first() else {
                next.extend(choices.iter().map(|chosen| only(chosen, &mattering)));
                continue;
            };
            let groups = by_element.entry(*outermost).or_insert_with(|| {
                let mut groups: HashMap<Option<u32>, Vec<usize>> = HashMap::new();
                for (number, chosen) in choices.iter().enumerate() {
                    groups.entry(element_of(chosen, *outermost)).or_default().push(number);
                }
                groups
            });
            let fitting = [Some(*element), None].into_iter().filter_map(|key| groups.get(&key)).flatten();
            for chosen in fitting.filter_map(|number| choices.get(*number)) {
                if let Some(merged) = merged(chosen, place) {
                    next.insert(only(&merged, &mattering));
                }
            }
        }
        choices = next.into_iter().collect();
        if choices.is_empty() {
            return false;
        }
    }
    true
}

fn element_of(chosen: &[Element], array: u32) -> Option<u32> {
    let at = chosen.binary_search_by_key(&array, |(array, _)| *array).ok()?;
    chosen.get(at).map(|(_, element)| *element)
}

/// The choice with a leaf at this place more; none if they contradict each other.
fn merged(chosen: &[Element], place: &[Element]) -> Option<Chosen> {
    let mut merged = chosen.to_vec();
    for (array, element) in place {
        match element_of(chosen, *array) {
            Some(other) if other != *element => return None,
            Some(_) => {}
            None => merged.push((*array, *element)),
        }
    }
    merged.sort_unstable();
    Some(merged)
}

/// What of a choice is about arrays that still matter.
fn only(chosen: &[Element], mattering: &HashSet<u32>) -> Chosen {
    chosen.iter().filter(|(array, _)| mattering.contains(array)).copied().collect()
}
