use super::*;

fn places(connections: usize, per_peer: usize) -> Arc<Places> {
    Places::new(Bounds {
        connections,
        per_peer,
        bodies: 1,
        protection: Duration::from_mins(1),
        newness: Duration::from_mins(1),
    })
}

fn peer(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

fn is_evicted(place: &mut Place) -> bool {
    place.ending.try_recv() == Ok(Ending::Evicted)
}

/// Time enough to tell who was first.
fn pass() {
    std::thread::sleep(Duration::from_millis(3));
}

#[test]
fn the_longest_idle_connection_makes_room() {
    let places = places(3, 3);
    let mut open: Vec<Place> = (1..=3)
        .map(|number| {
            let place = places.enter(peer(number)).unwrap();
            pass();
            place
        })
        .collect();
    open[0].activity.note_request();
    let mut next = places.enter(peer(9)).unwrap();
    assert!(is_evicted(&mut open[1]));
    assert!(!is_evicted(&mut open[0]) && !is_evicted(&mut open[2]) && !is_evicted(&mut next));
}

#[test]
fn who_just_asked_keeps_its_place() {
    let places = places(1, 1);
    let place = places.enter(peer(1)).unwrap();
    place.activity.note_request();
    assert!(places.enter(peer(2)).is_none());
    drop(place);
    assert!(places.enter(peer(2)).is_some());
}

#[test]
fn a_peer_cannot_take_the_places_of_others() {
    let places = places(4, 2);
    let mut other = places.enter(peer(1)).unwrap();
    pass();
    let mut greedy: Vec<Place> = (0..5)
        .map(|_| {
            pass();
            places.enter(peer(2)).unwrap()
        })
        .collect();
    assert!(!is_evicted(&mut other));
    let evicted: Vec<bool> = greedy.iter_mut().map(is_evicted).collect();
    assert_eq!(evicted, [true, true, true, false, false]);
}

#[test]
fn the_peer_with_most_connections_makes_room_first() {
    let places = places(3, 3);
    let mut single = places.enter(peer(1)).unwrap();
    pass();
    let mut first = places.enter(peer(2)).unwrap();
    pass();
    let second = places.enter(peer(2)).unwrap();
    let third = places.enter(peer(3)).unwrap();
    assert!(is_evicted(&mut first) && !is_evicted(&mut single));
    drop((second, third));
}

/// A connection that has just asked.
fn busy(places: &Arc<Places>, number: u8) -> Place {
    let place = places.enter(peer(number)).unwrap();
    place.activity.note_request();
    place
}

#[test]
fn a_peer_that_asks_all_the_time_leaves_room_for_others() {
    let places = places(128, 128);
    let mut greedy: Vec<Place> = (0..128).map(|_| busy(&places, 1)).collect();
    assert!(places.enter(peer(1)).is_none());
    let mut others: Vec<Place> = (0..4).map(|_| places.enter(peer(2)).unwrap()).collect();
    // Who has more does not push aside who has just come.
    assert!(places.enter(peer(1)).is_none());
    assert!(!others.iter_mut().any(is_evicted));
    let evicted = greedy
        .iter_mut()
        .filter_map(|place| is_evicted(place).then_some(()));
    assert_eq!(evicted.count(), 4);
}

#[test]
fn who_has_no_more_than_its_part_keeps_it_in_use() {
    let places = places(128, 128);
    let mut parts: Vec<Place> = (1..=64)
        .flat_map(|number| [busy(&places, number), busy(&places, number)])
        .collect();
    assert!(places.enter(peer(100)).is_none());
    assert!(!parts.iter_mut().any(is_evicted));
}

#[test]
fn one_address_is_one_peer_in_either_family() {
    let places = places(9, 1);
    let mut place = places.enter(peer(1)).unwrap();
    let mapped = "::ffff:10.0.0.1".parse().unwrap();
    assert!(places.enter(mapped).is_some() && is_evicted(&mut place));
}
