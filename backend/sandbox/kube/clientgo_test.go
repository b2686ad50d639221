package kube

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// put writes config maps with a prefix in their names.
func (s *site) put(prefix string, n int) {
	for i := range n {
		s.Put(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("%s-%03d", prefix, i)}})
	}
}

// TestInformer: client-go's own list comes by a watch, and follows.
func TestInformer(t *testing.T) {
	s := newSite(t)
	s.put("many", 50)
	ctx, cancel := context.WithCancel(t.Context())
	factory := informers.NewSharedInformerFactoryWithOptions(s.client("admin"), 0, informers.WithNamespace("shop"))
	lister := factory.Core().V1().ConfigMaps().Lister()
	informer := factory.Core().V1().ConfigMaps().Informer()
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatal("it never has everything")
	}
	s.until("what is new arrives", func() bool {
		s.put("new", 1)
		_, err := lister.ConfigMaps("shop").Get("new-000")
		return err == nil
	})
	s.Remove(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "many-007"}})
	s.until("what is gone goes", func() bool {
		_, err := lister.ConfigMaps("shop").Get("many-007")
		return apierrors.IsNotFound(err)
	})
}

// TestStreamedList: what there is comes first, then the sign that this was all.
func TestStreamedList(t *testing.T) {
	s := newSite(t)
	s.put("many", 5)
	yes := true
	w, err := s.client("admin").CoreV1().ConfigMaps("shop").Watch(t.Context(), metav1.ListOptions{
		SendInitialEvents: &yes, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	seen := 0
	for e := range w.ResultChan() {
		switch {
		case e.Type == watch.Added:
			seen++
		case e.Type == watch.Bookmark && metaOf(e.Object).GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true":
			if seen != 6 { // and the one that is always there
				t.Errorf("%d came before the mark", seen)
			}
			return
		default:
			t.Fatalf("there came %v", e)
		}
	}
	t.Error("the mark never came")
}

// TestPages: a list that is read in parts is one of one moment, until that is too long
// ago.
func TestPages(t *testing.T) {
	s := newSite(t)
	s.put("many", 25)
	maps := s.client("admin").CoreV1().ConfigMaps("shop")
	first, err := maps.List(t.Context(), metav1.ListOptions{Limit: 10})
	if err != nil || len(first.Items) != 10 || first.Continue == "" || first.RemainingItemCount == nil || *first.RemainingItemCount != 16 {
		t.Fatalf("the first page is %+v, %v", first.ListMeta, err)
	}
	s.put("later", 5)
	second, err := maps.List(t.Context(), metav1.ListOptions{Limit: 100, Continue: first.Continue})
	if err != nil || len(second.Items) != 16 || second.ResourceVersion != first.ResourceVersion {
		t.Errorf("the second page has %d of revision %s, %v", len(second.Items), second.ResourceVersion, err)
	}
	s.memory.forget()
	if _, err := maps.List(t.Context(), metav1.ListOptions{Limit: 100, Continue: first.Continue}); !apierrors.IsResourceExpired(err) {
		t.Errorf("a page of long ago: %v", err)
	}
}

func TestOldWatch(t *testing.T) {
	s := newSite(t)
	maps := s.client("admin").CoreV1().ConfigMaps("shop")
	s.put("one", 1)
	s.memory.forget()
	_, err := maps.Watch(t.Context(), metav1.ListOptions{ResourceVersion: "2"})
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		t.Errorf("a watch from long ago: %v", err)
	}
	err = s.client("admin").CoreV1().RESTClient().Get().MaxRetries(0).AbsPath("/api/v1/configmaps").Param("resourceVersion", "99999999").Do(t.Context()).Error()
	if !apierrors.IsTimeout(err) {
		t.Errorf("a list of the future: %v", err)
	}
}

// TestWrites: what is refused when it is written.
func TestWrites(t *testing.T) {
	s := newSite(t)
	ctx, c := t.Context(), s.client("admin")
	maps := c.CoreV1().ConfigMaps("shop")
	old, err := maps.Get(ctx, "words", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := old.DeepCopy()
	now.Data = map[string]string{"a": "b"}
	if now, err = maps.Update(ctx, now, metav1.UpdateOptions{}); err != nil || now.ResourceVersion == old.ResourceVersion {
		t.Errorf("written: %v", err)
	}
	old.Data = map[string]string{"c": "d"}
	if _, err := maps.Update(ctx, old, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("written over what was changed meanwhile: %v", err)
	}
	old.ResourceVersion = ""
	if got, err := maps.Update(ctx, old, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil || got.Data["c"] != "d" {
		t.Errorf("as a trial: %v, %v", got, err)
	}
	if err := maps.Delete(ctx, "words", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("deleted as a trial: %v", err)
	}
	if got, err := maps.Get(ctx, "words", metav1.GetOptions{}); err != nil || got.ResourceVersion != now.ResourceVersion {
		t.Errorf("after the trials: %v, %v", got, err)
	}
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "words"}}, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("once more: %v", err)
	}
	_, err = maps.Patch(ctx, "words", types.StrategicMergePatchType, []byte(`{"dota":{"a":"b"}}`), metav1.PatchOptions{FieldValidation: "Strict"})
	if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		t.Errorf("a field that is none: %v", err)
	}
	uid := types.UID("another")
	if err := maps.Delete(ctx, "words", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}); !apierrors.IsConflict(err) {
		t.Errorf("deleted as another: %v", err)
	}
}

// TestEviction: as many go as the budget has to spare, and the next one not before
// there is another.
func TestEviction(t *testing.T) {
	s := newSite(t)
	ctx, pods := t.Context(), s.client("admin").CoreV1().Pods("shop")
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=cart"})
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("%d pods, %v", len(list.Items), err)
	}
	evict := func(i int) error {
		return pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: list.Items[i].Name, Namespace: "shop"}})
	}
	s.still.Lock() // or there would be another pod
	if err := evict(0); err != nil {
		t.Errorf("the first: %v", err)
	}
	err = evict(1)
	s.still.Unlock()
	if !apierrors.IsTooManyRequests(err) || !apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		t.Errorf("the second: %v", err)
	}
	s.until("there is one to spare again", func() bool { return evict(1) == nil })
	if err := pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "nosuch", Namespace: "shop"}}); !apierrors.IsNotFound(err) {
		t.Errorf("nobody: %v", err)
	}
}

// TestServeEnds: a server that is watched and entered ends when it is told to.
func TestServeEnds(t *testing.T) {
	s := newSite(t)
	w, err := s.client("admin").CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	begun := time.Now()
	s.end()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := s.client("admin").CoreV1().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context()); err == nil {
		t.Error("it still answers")
	}
}
